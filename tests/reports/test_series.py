"""Curves are taken from facts that a run gathered, travel as plain data, and come back."""

from __future__ import annotations

import datetime as dt
import json
import math

from msgspec.structs import replace

from fixtures.model.cost import CostLine, DailyCost
from fixtures.model.ecs import ServiceDeployment
from fixtures.model.latency import ResponseTimes
from fixtures.model.metrics import Counts
from fixtures.model.metrics import Series as MetricSeries
from fixtures.target import Target
from reports import series
from reports.finding import Series
from tests.diagnosis.balancers import balancer
from tests.diagnosis.facts import deployment, service

AT = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
TARGET = Target(name="dev", cluster="shop-dev-cluster", project="shop", environment="dev", discover_services=True)
CURVE = Series(title="p95", unit="s", points=((AT, 1.0), (AT + dt.timedelta(hours=1), 2.0)), threshold=1.5, marks=((AT, "deployment"),), target="dev", scenario="latency")  # fmt: skip


def test_a_curve_survives_json() -> None:
    assert series.from_dict(json.loads(json.dumps(series.as_dict(CURVE)))) == CURVE


def test_what_json_cannot_say_is_left_out() -> None:
    strange = replace(CURVE, points=(*CURVE.points, (AT, math.nan), (AT, math.inf)))
    assert series.from_dict(series.as_dict(strange)) == CURVE


def test_an_instant_without_a_zone_is_taken_for_utc() -> None:
    data = series.as_dict(CURVE) | {"points": [["2027-01-02T00:00:00", 1.0]], "marks": []}
    assert series.from_dict(data).points == ((AT, 1.0),)


def test_a_curve_that_several_parts_drew_is_drawn_once_with_all_marks() -> None:
    later = AT + dt.timedelta(minutes=5)
    other = replace(CURVE, points=CURVE.points[:1], marks=((later, "deployment of b"), (AT, "deployment")))
    elsewhere = replace(CURVE, target="prod")

    found = series.joined([other, CURVE, elsewhere])

    assert found == [replace(CURVE, marks=((AT, "deployment"), (later, "deployment of b"))), elsewhere]


def test_the_highest_response_times_stay_first_and_what_cannot_be_seen_is_not_marked() -> None:
    slow = replace(CURVE, title="slow", points=((AT, 9.0), (AT + dt.timedelta(hours=1), 1.0)))
    cost = replace(CURVE, title="cost", scenario="cost", unit="USD")
    beyond = replace(slow, marks=((AT + dt.timedelta(days=1), "deployment of b"),))

    assert series.joined([CURVE, cost, slow, beyond]) == [replace(slow, marks=CURVE.marks), CURVE, cost]


def test_of_curves_of_one_length_the_latest_is_kept() -> None:
    later = replace(CURVE, points=tuple((at + dt.timedelta(days=1), v) for at, v in CURVE.points), marks=())
    assert series.joined([later, CURVE]) == series.joined([CURVE, later]) == [later]


def test_a_load_balancer_and_a_target_group_of_one_name_are_two_curves() -> None:
    group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/1"
    found = {"arn:x": _times("api", 0.2, 0.3), group: _times("api", 0.1, 0.2)}
    curves = series.response_times(found, {}, {}, TARGET)
    assert [c.title.partition(" of ")[2] for c in series.joined(curves)] == ["load balancer api", "target group api"]


def _times(what: str, *values: float | None) -> ResponseTimes:
    instants = tuple(AT + dt.timedelta(minutes=5 * n) for n in range(len(values)))
    return ResponseTimes(what, "arn:x", instants, {TARGET.latency.statistic: values}, (1.0,) * len(values))


def test_response_times_without_requests_leave_gaps() -> None:
    (curve,) = series.response_times({"arn:x": _times("product", 0.2, None, 0.4)}, {}, {}, TARGET)
    assert curve.points == ((AT, 0.2), (AT + dt.timedelta(minutes=10), 0.4))
    assert (curve.title, curve.unit, curve.threshold) == (
        f"{TARGET.latency.statistic} response time of load balancer product",
        "s",
        TARGET.latency.threshold_s,
    )


def test_a_target_group_is_marked_with_its_services_deployments_and_a_balancer_with_all() -> None:
    def minute(n: int) -> dt.datetime:
        return AT + dt.timedelta(minutes=n)

    found = {
        "arn:aws:elasticloadbalancing:r:1:targetgroup/order/1": _times("order-group", 0.1, 0.1, 3.0),
        "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/alb/1": _times("alb", 0.1, 0.1, 2.0),
    }
    marks = {"order": ((minute(-60), "old"), (minute(4), "order")), "product": ((minute(2), "product"),)}
    slowest, balancer = series.response_times(found, {next(iter(found)): ["order"]}, marks, TARGET)
    assert (slowest.title.rpartition(" ")[2], slowest.marks) == ("order-group", ((minute(4), "order"),))
    assert balancer.marks == ((minute(2), "product"), (minute(4), "order"))


def test_a_deployment_that_ecs_tells_of_twice_is_one() -> None:
    begun = service(deployments=(deployment(created_at=AT),))
    told = [
        ServiceDeployment("arn:d", "SUCCESSFUL", "", at, None)
        for at in (AT + dt.timedelta(seconds=5), AT - dt.timedelta(hours=2))
    ]
    assert series.deployments({"order": begun}, {"order": tuple(told)}) == {
        "order": ((AT - dt.timedelta(hours=2), "deployment of order"), (AT, "deployment of order"))
    }


def test_503s_are_drawn_for_every_period_and_answers_5xx_only_where_there_were_any() -> None:
    end = AT + dt.timedelta(minutes=15)
    spike = MetricSeries(((AT + dt.timedelta(minutes=5), 60.0),))
    one, other = balancer(arn="lb/alb", name="alb"), balancer(arn="lb/quiet", name="quiet")
    counts = {
        one.arn: Counts(AT, end, 300, {"HTTPCode_ELB_503_Count": spike, "HTTPCode_Target_5XX_Count": spike}),
        other.arn: Counts(AT, end, 300, {}),
    }
    curves = series.errors(counts, {b.arn: b for b in (one, other, balancer(arn="lb/blind"))}, {}, TARGET)
    assert [(c.title, [v for _, v in c.points], c.threshold) for c in curves] == [
        ("503s made by alb, every 5 min", [0.0, 60.0, 0.0], TARGET.alb.spike_requests),
        ("answers 5xx of targets of alb, every 5 min", [0.0, 60.0, 0.0], None),
        ("503s made by quiet, every 5 min", [0.0, 0.0, 0.0], TARGET.alb.spike_requests),
    ]


def test_cost_is_drawn_in_total_and_for_the_dearest_against_what_is_usual() -> None:
    days = tuple(AT.date() + dt.timedelta(days=n) for n in range(6))
    lines = [CostLine(service=f"service {n}", usage_type="x", daily_usd=(float(n),) * 6) for n in range(1, 9)]
    lines.append(CostLine(service="woken", usage_type="x", daily_usd=(0.0,) * 5 + (20.0,)))
    curves = series.daily_cost(DailyCost(days, tuple(lines)))
    assert [c.title.removeprefix("daily cost of ") for c in curves] == [
        "all services", "woken", *(f"service {n}" for n in (8, 7, 6, 5)),
    ]  # fmt: skip
    assert [c.threshold for c in curves[:3]] == [36.0, 0.0, 8.0]
    assert curves[0].points[-1] == (AT + dt.timedelta(days=5), 56.0)


def test_two_days_of_cost_have_nothing_usual() -> None:
    found = DailyCost((AT.date(), AT.date() + dt.timedelta(days=1)), (CostLine("EC2", "x", (1.0, 2.0)),))
    assert [c.threshold for c in series.daily_cost(found)] == [None, None]
