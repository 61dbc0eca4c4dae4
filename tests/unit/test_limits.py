"""Printing a value and the limit that it misses."""

import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.limits import apart
from imbalance_aware.preprocessing import mask, strip
from imbalance_aware.preprocessing.subject_step import Failure
from imbalance_aware.volume_settings import BrainExtractionSettings, MaskSettings

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "limit", "decimals", "kind", "texts"),
    [
        (0.7, 0.75, 2, "f", ("0.70", "0.75")),
        (0.7499, 0.75, 2, "f", ("0.7499", "0.7500")),
        (699.96, 700, 0, "f", ("699.96", "700.00")),
        (0.7996, 0.8, 0, "%", ("79.96%", "80.00%")),
        (1.0, 1.0, 0, "f", ("1", "1")),
    ],
)
def test_as_few_decimals_as_tell_them_apart(value, limit, decimals, kind, texts):
    assert apart(value, limit, decimals, kind) == texts


@given(NUMBERS, NUMBERS | st.sampled_from([1e-300, 5e-324]), st.integers(0, 3), st.sampled_from("f%"))
def test_texts_differ_where_numbers_do_and_are_in_their_order(value, limit, decimals, kind):
    shown, least = apart(value, limit, decimals, kind)
    assert (shown == least) == (value == limit)
    first, second = (float(text.removesuffix("%")) for text in (shown, least))
    assert first <= second if value < limit else first >= second


@given(st.floats(0, 1))
def test_the_neighbour_of_a_number_is_told_from_it(limit):
    assert len(set(apart(math.nextafter(limit, 2), limit))) == 2


@pytest.mark.parametrize(
    ("step", "measures", "message"),
    [
        (strip, {"brain_ml": 699.7}, "brain volume: 699.7 ml, plausible are 700 to 2300"),
        (strip, {"brain_ml": 2300.04}, "brain volume: 2300.04 ml, plausible are 700 to 2300"),
        (strip, {"atlas_overlap": 0.7497}, r"Dice 0.7497 of the brain and the atlas's, at least 0.7500 is"),
        (strip, {"edge_match": {"t2": 0.11996}}, r"match those of t1 by 0.11996, at least 0.12000 is"),
        (mask, {"inside_brain": 0.7996}, "79.96% of it lies inside, at least 80.00% is"),
    ],
)
def test_the_gates_of_preprocessing_never_print_a_value_that_looks_like_its_limit(step, measures, message):
    good = {"brain_ml": 1500.0, "atlas_overlap": 0.95, "edge_match": {"t2": 0.4}, "inside_brain": 1.0}
    settings = {strip: BrainExtractionSettings, mask: MaskSettings}[step]()
    check = partial(step.check, reference="t1") if step is strip else step.check
    check(good, settings)
    with pytest.raises(Failure, match=message):
        check(good | measures, settings)
