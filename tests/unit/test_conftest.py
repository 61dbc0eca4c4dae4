"""What all tests rely on: none changes the process for those after it."""

pytest_plugins = "pytester"

TESTS = """
from hypothesis import given, strategies

def test_that_trains():
    import torch
    torch.set_flush_denormal(True)

@given(strategies.floats())
def test_that_draws_floats_later(value):
    pass
"""


def test_rounding_of_subnormal_numbers_ends_with_a_test(pytester, checkout):
    pytester.makepyfile(places=(checkout / "tests/places.py").read_text())
    pytester.makeconftest((checkout / "tests/conftest.py").read_text())
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
