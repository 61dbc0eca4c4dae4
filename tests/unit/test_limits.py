"""A value beside the limit that it misses."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imbalance_aware.limits import apart

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
