from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.diagnosis import latency
from fixtures.model.latency import ResponseTimes
from tests.diagnosis.facts import ago


def times(
    values: tuple[float | None, ...], requests: float | tuple[float, ...] = 100.0, statistic: str = "p95"
) -> ResponseTimes:
    count = len(values)
    each = requests if isinstance(requests, tuple) else (requests,) * count
    return ResponseTimes("web", "arn:tg", tuple(ago(5 * (count - n)) for n in range(count)), {statistic: values}, each)


FAST, SLOW = 0.2, 3.2


@pytest.mark.parametrize(
    ("values", "requests", "ok"),
    [
        ((SLOW,) * 12, 100.0, False),
        ((FAST,) * 12, 100.0, True),
        # No traffic at night: no datapoints, or too few requests to mean something.
        ((None,) * 12, 0.0, True),
        ((), (), True),
        ((SLOW,) * 12, 9.0, True),
        ((SLOW,) * 12, 10.0, False),
        # A cold start, and single spikes, are no lasting slowness.
        ((SLOW,) + (FAST,) * 11, 100.0, True),
        ((SLOW, FAST, FAST) * 4, 100.0, True),
        ((SLOW, SLOW) + (FAST,) * 10, 100.0, True),
        ((SLOW, SLOW, SLOW) + (FAST,) * 9, 100.0, False),
        ((SLOW, SLOW, FAST, FAST, SLOW), 100.0, False),
        # The threshold itself is allowed.
        ((1.0,) * 12, 100.0, True),
        ((1.01,) * 12, 100.0, False),
        # Periods in a row must be so by time: one without data lies between.
        ((SLOW, None, SLOW, None, SLOW), 100.0, True),
    ],
)
def test_lasting_slowness(values: tuple[float | None, ...], requests: float | tuple[float, ...], ok: bool) -> None:
    verdict = latency.judge(times(values, requests), statistic="p95", threshold_s=1.0, periods=3, min_requests=10)
    assert bool(verdict) is ok


@pytest.mark.parametrize(
    ("indices", "periods", "expected"),
    [
        ([], 1, False), ([4], 1, True), ([4], 2, False), ([4, 5], 2, True), ([4, 6], 2, False), ([1, 4, 5], 3, True),
        ([1, 3, 5], 3, False), ([1, 3, 5, 7, 9], 3, False),
    ],
)  # fmt: skip
def test_sustained(indices: list[int], periods: int, expected: bool) -> None:
    assert latency.sustained(indices, periods) is expected


def test_what_slowness_says() -> None:
    one = times((FAST, SLOW, None, SLOW, SLOW), (100.0, 100.0, 0.0, 9.0, 12.0))
    verdict = latency.judge(one, statistic="p95", threshold_s=1, periods=2, min_requests=10, related=("service/web",))
    assert verdict.observed == "p95 above 1 s in 2 of 3 periods, up to 3.20 s"
    assert verdict.expected == "p95 of at most 1 s in all but 1 periods"
    assert verdict.evidence == (
        "03-02 11:40Z: p95 3.20 s, 100 requests",
        "03-02 11:55Z: p95 3.20 s, 12 requests",
    )
    assert verdict.related == ("arn:tg", "service/web")
    assert verdict.names["load_balancer_arn"] == "arn:tg"
    dimensions = {"LoadBalancer": "app/shop/1a", "TargetGroup": "targetgroup/web/2b"}
    of_group = latency.judge_growth(replace(one, dimensions=dimensions), factor=3, least_s=0.5, min_requests=10)
    assert {k: v for k, v in of_group.names.items() if v} == {
        "load_balancer": "shop",
        "target_group": "web",
        "dimension": "app/shop/1a",
        "group_dimension": "targetgroup/web/2b",
    }


def test_only_the_newest_periods_are_shown() -> None:
    verdict = latency.judge(times((SLOW,) * 12), statistic="p95", threshold_s=1, periods=2, min_requests=10)
    assert len(verdict.evidence) == 5
    assert verdict.evidence[-1].startswith("03-02 11:55Z")


@pytest.mark.parametrize(("requests", "expected"), [((), False), ((9.0, 9.9), False), ((0.0, 10.0), True)])
def test_traffic(requests: tuple[float, ...], expected: bool) -> None:
    assert latency.has_traffic(times((FAST,) * len(requests), requests), 10) is expected


@pytest.mark.parametrize(
    ("values", "requests", "ok"),
    [
        ((0.1,) * 4 + (0.3,) * 4 + (0.9,) * 4, 100.0, False),
        ((0.3,) * 12, 100.0, True),
        ((0.9,) * 6 + (0.1,) * 6, 100.0, True),
        # A single slow period at the end is a spike.
        ((0.1,) * 11 + (9.0,), 100.0, True),
        # Growth from nearly nothing to little harms nobody.
        ((0.001,) * 6 + (0.4,) * 6, 100.0, True),
        ((0.001,) * 6 + (0.51,) * 6, 100.0, False),
        # Exactly three times is allowed.
        ((0.25,) * 6 + (0.75,) * 6, 100.0, True),
        ((0.25,) * 6 + (0.76,) * 6, 100.0, False),
        # Too few periods with traffic for a trend.
        ((0.1, 0.1, 0.1, 9.0, 9.0), 100.0, True),
        ((), (), True),
        ((0.1,) * 6 + (9.0,) * 6, 9.0, True),
        ((0.1,) * 6 + (None,) * 6, 100.0, True),
    ],
)
def test_growth(values: tuple[float | None, ...], requests: float | tuple[float, ...], ok: bool) -> None:
    one = times(values, requests, "p50")
    assert bool(latency.judge_growth(one, factor=3, least_s=0.5, min_requests=10)) is ok


def test_what_growth_says() -> None:
    one = times((0.1,) * 4 + (9.0,) * 4 + (0.9,) * 4, statistic="p50")
    verdict = latency.judge_growth(one, factor=3, least_s=0.5, min_requests=10, related=("service/web",))
    assert verdict.summary == (
        "web: p50 went from 0.10 s to 0.90 s within the window; "
        "expected p50 within 3 times its value at the window's begin, or below 0.5 s"
    )
    assert len(verdict.evidence) == 5
    assert verdict.evidence[-1] == "03-02 11:55Z: p50 0.90 s, 100 requests"
    assert verdict.related == ("arn:tg", "service/web")


@given(st.lists(st.integers(0, 30), unique=True).map(sorted), st.integers(1, 6))
def test_asking_for_more_periods_never_finds_more(indices: list[int], periods: int) -> None:
    if periods > 1 and latency.sustained(indices, periods + 1):
        assert latency.sustained(indices, periods)
