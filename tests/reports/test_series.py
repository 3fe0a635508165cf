"""Curves are taken from facts that a run gathered, travel as plain data, and come back."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace

from fixtures.each import Each
from fixtures.model.cost import CostLine, DailyCost
from fixtures.model.latency import ResponseTimes
from fixtures.target import Target
from reports import series
from reports.finding import Series

AT = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
TARGET = Target(name="dev", project="shop", environment="dev", discover_services=True)
CURVE = Series(title="p95", unit="s", points=((AT, 1.0), (AT + dt.timedelta(hours=1), 2.0)), threshold=1.5, marks=((AT, "deployment"),), target="dev", scenario="latency")  # fmt: skip


def test_a_curve_survives_json() -> None:
    assert series.from_dict(json.loads(json.dumps(series.as_dict(CURVE)))) == CURVE


def test_what_json_cannot_say_is_left_out() -> None:
    strange = replace(CURVE, points=(*CURVE.points, (AT, math.nan), (AT, math.inf)))
    assert series.from_dict(series.as_dict(strange)) == CURVE


def test_an_instant_without_a_zone_is_taken_for_utc() -> None:
    data = series.as_dict(CURVE) | {"points": [["2027-01-02T00:00:00", 1.0]], "marks": []}
    assert series.from_dict(data).points == ((AT, 1.0),)


def test_response_times_without_requests_leave_gaps() -> None:
    instants = tuple(AT + dt.timedelta(minutes=n) for n in range(3))
    statistic = TARGET.latency.statistic
    times = ResponseTimes("product", "arn:x", instants, {statistic: (0.2, None, 0.4)}, (1.0, 0.0, 1.0))
    (curve,) = series.response_times(Each({"product": times}), TARGET)
    assert curve.points == ((instants[0], 0.2), (instants[2], 0.4))
    assert (curve.title, curve.unit, curve.threshold) == (
        f"{statistic} response time of product",
        "s",
        TARGET.latency.threshold_s,
    )


def test_cost_is_drawn_in_total_and_for_the_dearest() -> None:
    days = (AT.date(), AT.date() + dt.timedelta(days=1))
    lines = tuple(CostLine(service=f"service {n}", usage_type="x", daily_usd=(float(n), float(n))) for n in range(9))
    curves = series.daily_cost(DailyCost(days, lines), TARGET)
    assert [c.title for c in curves] == [
        "daily cost of all services",
        *(f"daily cost of service {n}" for n in (8, 7, 6, 5)),
    ]
    assert curves[0].points == ((AT, 36.0), (AT + dt.timedelta(days=1), 36.0))
