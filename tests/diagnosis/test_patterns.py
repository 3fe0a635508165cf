"""Texts that fit; what fits is in test_listener_rules.py, where rules use it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis.patterns import example, filled, fits, found, samples


@pytest.mark.parametrize("pattern", ["/products/*", "/v?/x", "*", "/img/*/p?.png", "/"])
def test_what_fills_a_pattern_fits_it(pattern: str) -> None:
    assert fits(pattern, filled(pattern))
    assert all(fits(pattern, s) for s in samples(pattern))


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("^/api/.*$", "/api/x"),
        (r"^/v[0-9]+/users/\d{3}$", "/v0/users/111"),
        (r"^/(products|orders)(/.*)?$", "/products/x"),
        (r"^(.+)\.shop\.com$", "x.shop.com"),
        (r"^/[^/]+/reviews$", "/x/reviews"),
        (r"/(?:de|fr)/[\w-]{2,}", "/de/xx"),
        (r"^/a(?P<id>\d+)|^/b", "/a1"),
        ("", ""),
        # Too clever for this: no example is better than a wrong one.
        (r"^/(?!internal)api/(?=x)y", ""),
        ("^/(unclosed", ""),
    ],
)
def test_an_example_of_an_expression_fits_it(expression: str, text: str) -> None:
    assert example(expression) == text
    assert not text or re.search(expression, text)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text("^$/ab.*+?()[]{}|\\d1-", max_size=14))
def test_no_expression_is_too_odd(expression: str) -> None:
    text = example(expression)
    assert not text or found(expression, text)
