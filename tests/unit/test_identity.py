"""Which run a path is of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.errors import UserError
from imbalance_aware.runs.identity import Run, identify, read_replicate, replicate_name

numbers = st.integers(0, 10**6)


@given(seed=numbers, repeat=numbers, fold=st.none() | numbers)
def test_a_run_is_found_again_by_its_place(seed, repeat, fold):
    run = Run("study", "eyes", "ce-uniform", seed, repeat, fold)
    assert identify("results/runs" / run.place / "predictions.csv") == run
    assert read_replicate(replicate_name(seed, repeat)) == (seed, repeat)


def test_the_folders_are_those_of_the_workflow():
    assert str(Run("s", "d", "c", 3).place) == "s/d/c/seed-3"
    assert str(Run("s", "d", "c", 3, 0, 4).place) == "s/d/c/seed-3/fold-4"
    assert str(Run("s", "d", "c", 3, 2, 4).place) == "s/d/c/seed-3-repeat-2/fold-4"
    assert identify("x/s/d/c/ensemble/metrics.json") == Run("s", "d", "c", None)
    assert str(Run("s", "d", "c", None).place) == "s/d/c/ensemble"


@pytest.mark.parametrize(
    "path",
    [
        "s/d/c/model.pt",
        "s/d/c/seed-x/model.pt",
        "d/c/seed-0/model.pt",
        "s/d/c/seed-0-repeat-0/model.pt",  # the first repeat has no number: one run, one place
        "s/d/c/ensemble/fold-0/model.pt",
        "s/d/c/fold-0/model.pt",
        "fold-0/model.pt",
    ],
)
def test_another_path_is_refused(path):
    with pytest.raises(UserError, match="not a file of a run"):
        identify(path)
