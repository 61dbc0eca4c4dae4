"""What a key-by-key merge of configuration files leaves over, and must not."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from imbalance_aware.config_sources import Sources


def with_one_method(merged: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    """The configuration, in which each dataset's `split` has no keys of a method that a later file replaced.

    Files merge key by key: of `{method: random, seed: 3}` and `{method: folds, folds: 5}` the seed would be left over,
    and the dataset refused. What was not merged from the files, but set by another workflow, stays as it is.
    """
    datasets = merged.get("datasets")
    if not isinstance(datasets, Mapping):
        return merged
    changed = {}
    for name, dataset in datasets.items():
        given = sources.given(("datasets", name, "split"))
        if given and isinstance(dataset, Mapping) and dataset.get("split") == reduce(_merge_keys, given):
            changed[name] = {**dataset, "split": reduce(_merge_split, given)}
    return {**merged, "datasets": {**datasets, **changed}}


def _merge_keys(earlier: Any, later: Any) -> Any:
    """Two values as Snakemake merges them."""
    return {**earlier, **later} if isinstance(earlier, Mapping) and isinstance(later, Mapping) else later


def _merge_split(earlier: Any, later: Any) -> Any:
    """Two values of `split`: the later one, with the earlier one's keys if it is of the same method or names none."""
    if not isinstance(later, Mapping):
        return later
    kept = {"method": earlier} if isinstance(earlier, str) else earlier
    same = isinstance(kept, Mapping) and later.get("method", kept.get("method")) == kept.get("method")
    return {**kept, **later} if same else later
