"""Which file, line or command line a message names."""

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.utils import update_config

from imbalance_aware.config_sources import COMMAND_LINE, Layer, Sources
from imbalance_aware.errors import UserError


@pytest.fixture
def sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(
        "run: [a]\nstudies:\n  a:\n    seeds: [0, 1]\n    training: {epochs: 1}\n"
    )
    (tmp_path / "my.yaml").write_text("# mine\nstudies:\n  a:\n    seeds:\n    - 5\n")
    return Sources(["config/config.yaml", tmp_path / "my.yaml"], {"run": ["b"], "model": {"blocks": "1"}})


@pytest.mark.parametrize(
    ("place", "label"),
    [
        (["studies", "a", "seeds", 0], "my.yaml, line 5"),
        (["studies", "a", "training", "epochs"], "config/config.yaml, line 5"),
        (["studies", "a", "training", "absent"], "config/config.yaml, line 5"),
        (["studies", "a", "absent"], "my.yaml, line 3"),
        (["studies", "absent"], "my.yaml, line 2"),
        (["run", 0], COMMAND_LINE),
        (["model", "blocks", 2], COMMAND_LINE),
        (["datasets"], "my.yaml"),
        ([], "my.yaml"),
    ],
)
def test_the_source_that_holds_a_value_is_named_and_what_is_missing_is_missed_in_its_parent(sources, place, label):
    assert sources.of(place) == label


keys = st.sampled_from(["a", "b", "c"])
leaves = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
# Not empty: Snakemake keeps a single value under an empty mapping.
trees = st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3), max_leaves=6)


@given(st.lists(st.dictionaries(keys, trees, min_size=1, max_size=3), min_size=1, max_size=4))
def test_the_named_source_has_the_value_that_snakemake_merged(contents):
    """Snakemake's own merge is the oracle: the named layer, and no later one, has the merged value."""
    merged = {}
    for content in contents:
        update_config(merged, copy.deepcopy(content))
    sources = Sources([])
    sources.layers = [Layer(str(number), content) for number, content in enumerate(contents)]

    def check(value, place):
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                check(inner, (*place, key))
        elif not isinstance(value, dict):
            found = contents[int(sources.of(place))]
            for key in place:
                found = found[key]
            assert found == value

    check(merged, ())


def test_a_key_given_twice_in_any_file_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"run": ["a"]}) + "run: [b]\n")
    with pytest.raises(UserError, match=r'a\.yaml, line 3: the key "run" occurs twice'):
        Sources([tmp_path / "a.yaml"])
