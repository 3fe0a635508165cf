from __future__ import annotations

import datetime as dt

import pytest
from msgspec import structs

from checks.diagnosis import money
from fixtures.model.alarms import Alarm, AlarmMetric, Topic
from fixtures.model.cost import Anomaly, Budget, BudgetNotification, TopicSubscriptions

ACCOUNT = "123456789012"
TOPIC = "arn:aws:sns:us-east-1:123456789012:billing"
HEARD = {TOPIC: TopicSubscriptions(TOPIC, 1, 0)}
PENDING = {TOPIC: TopicSubscriptions(TOPIC, 0, 2)}
OPEN = {TOPIC: Topic(TOPIC, ("budgets.amazonaws.com", "cloudwatch.amazonaws.com"), "")}
CLOSED = {TOPIC: Topic(TOPIC, ("events.amazonaws.com",), "")}
CHARGES = AlarmMetric("AWS/Billing", "EstimatedCharges", {"Currency": "USD"}, "Maximum", 21600)
ALARM = Alarm(
    "charges", "arn:alarm", (CHARGES,), 100.0, "GreaterThanThreshold", 1, "OK", "", True, (TOPIC,), "missing"
)  # fmt: skip
TOLD = BudgetNotification("ACTUAL", "GREATER_THAN", 80, "PERCENTAGE", "OK", ("EMAIL",))
MIDDLE = dt.datetime(2026, 3, 16, 12, tzinfo=dt.UTC)
BUDGET = Budget("monthly", "COST", "MONTHLY", 100.0, 40.0, 80.0, (TOLD,))


def anomaly(id: str, usd: float, feedback: str = "", **changes: object) -> Anomaly:
    return structs.replace(Anomaly(id, "2026-03-01", "", usd, feedback, ()), **changes)  # type: ignore[arg-type]


def alarm(metric: AlarmMetric = CHARGES, **changes: object) -> Alarm:
    return structs.replace(ALARM, metrics=(metric,), **changes)  # type: ignore[arg-type]


def notified(**changes: object) -> Budget:
    return structs.replace(BUDGET, notifications=(structs.replace(TOLD, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("feedback", "ended", "ok"),
    [
        ("", "", False),
        ("", "2026-03-02", False),
        ("NO", "", True),
        ("PLANNED_ACTIVITY", "", True),
        # Confirmed by somebody: settled once it is over.
        ("YES", "", False),
        ("YES", "2026-03-02", True),
    ],
)
def test_anomalies_need_an_assessment(feedback: str, ended: str, ok: bool) -> None:
    assert bool(money.open_anomalies([anomaly("a", 42, feedback, ended=ended)], ACCOUNT, 1)) is ok


@pytest.mark.parametrize(("usd", "severity"), [(0.99, "low"), (1.0, None)])
def test_an_anomaly_of_cents_is_milder(usd: float, severity: str | None) -> None:
    assert money.open_anomalies([anomaly("a", usd), anomaly("b", 0.1)], ACCOUNT, 1).severity == severity


def test_open_anomalies_the_largest_first() -> None:
    found = [
        anomaly("a", 3),
        anomaly("b", 42, ended="2026-03-02", causes=("EC2 - Other in us-east-1", "RDS")),
        anomaly("c", 99, "NO"),
    ]
    verdict = money.open_anomalies(found, ACCOUNT, 1)
    assert verdict.observed == "2 open cost anomalies, the largest $42.00"
    assert verdict.evidence == (
        "2026-03-01 to 2026-03-02: $42.00 more than expected in EC2 - Other in us-east-1; RDS (anomaly b)",
        "2026-03-01, still open: $3.00 more than expected (anomaly a)",
    )


def test_nothing_open_and_no_monitor() -> None:
    assert money.open_anomalies([], ACCOUNT, 1).observed == "no anomaly is open"
    assert money.monitors_exist(["services"], ACCOUNT).evidence == ("services",)
    assert not money.monitors_exist([], ACCOUNT)


def test_only_budgets_on_cost_count() -> None:
    usage = structs.replace(BUDGET, name="hours", kind="USAGE")
    assert money.budgets_exist([usage, BUDGET], ACCOUNT).evidence == ("monthly",)
    verdict = money.budgets_exist([usage], ACCOUNT)
    assert verdict.summary == "account 123456789012: 0 cost budgets; expected at least one"


@pytest.mark.parametrize(
    ("budget", "ok", "severity"),
    [
        (BUDGET, True, None),
        (structs.replace(BUDGET, actual_usd=99.99), True, None),
        (structs.replace(BUDGET, actual_usd=100.0), False, None),
        (structs.replace(BUDGET, actual_usd=130.0), False, None),
        # Planned limits are known to AWS alone: its notifications tell.
        (structs.replace(BUDGET, actual_usd=130.0, limit_usd=None), True, None),
        # A budget of nothing is for credits, and zero of zero is not too much.
        (structs.replace(BUDGET, actual_usd=0.0, limit_usd=0.0), True, None),
        # A threshold below the limit is passed in every month that goes as planned.
        (notified(state="ALARM"), False, "medium"),
        (structs.replace(notified(state="ALARM"), forecast_usd=120.0), False, "medium"),
        (structs.replace(notified(state="ALARM"), forecast_usd=120.0, actual_usd=60.0), False, None),
        (structs.replace(notified(state="ALARM"), forecast_usd=None, time_unit="ANNUALLY"), False, None),
        (structs.replace(notified(state="ALARM"), limit_usd=None), False, None),
        (notified(state="ALARM", threshold=100.0), False, None),
        (notified(state="ALARM", threshold=99.0, threshold_type="ABSOLUTE_VALUE"), False, "medium"),
        (notified(state="ALARM", threshold=100.0, threshold_type="ABSOLUTE_VALUE"), False, None),
        # What is only foreseen is milder.
        (notified(state="ALARM", kind="FORECASTED"), False, "medium"),
        (structs.replace(notified(state="ALARM", kind="FORECASTED"), actual_usd=130.0), False, None),
        (notified(state="ALARM", comparison="LESS_THAN"), True, None),
    ],
)
def test_a_budget_is_kept(budget: Budget, ok: bool, severity: str | None) -> None:
    verdict = money.budget_kept(budget, MIDDLE)
    assert (bool(verdict), None if ok else verdict.severity) == (ok, severity)


def test_what_a_budget_says() -> None:
    verdict = money.budget_kept(structs.replace(notified(state="ALARM"), actual_usd=130.0), MIDDLE)
    assert verdict.observed == "$130.00 of $100.00 are spent, $80.00 forecast"
    assert verdict.evidence == ("ACTUAL GREATER_THAN 80%: ALARM",)
    planned = structs.replace(notified(state="ALARM", threshold_type="ABSOLUTE_VALUE"), limit_usd=None)
    verdict = money.budget_kept(structs.replace(planned, forecast_usd=None), MIDDLE)
    assert verdict.summary == (
        "monthly: $40.00 of its planned limit are spent; expected less than its planned limit and no notification in ALARM"
    )
    assert verdict.evidence == ("ACTUAL GREATER_THAN 80 USD: ALARM",)


@pytest.mark.parametrize(
    ("budget", "listeners", "observed"),
    [
        (BUDGET, {}, "1 subscribers are told"),
        (notified(subscribers=(f"SNS:{TOPIC}",)), HEARD, "1 subscribers are told"),
        (notified(subscribers=("EMAIL", f"SNS:{TOPIC}")), PENDING, "1 subscribers are told"),
        (
            notified(subscribers=(f"SNS:{TOPIC}",)),
            PENDING,
            "it tells nobody: topic billing has no confirmed subscriber (2 pending)",
        ),
        (notified(subscribers=(f"SNS:{TOPIC}",)), {TOPIC: None}, "it tells nobody: topic billing does not exist"),
        (notified(subscribers=(f"SNS:{TOPIC}",)), {}, "it tells nobody: topic billing does not exist"),
        (
            structs.replace(BUDGET, unhealthy="FILTER_INVALID"),
            {},
            "it tells nobody: AWS does not evaluate it any more (FILTER_INVALID)",
        ),
        (notified(subscribers=()), {}, "it tells nobody: no subscriber"),
        (notified(comparison="LESS_THAN"), {}, "it tells nobody: no notification on exceeding"),
        (structs.replace(BUDGET, notifications=()), {}, "it tells nobody: no notification on exceeding"),
    ],
)
def test_whom_a_budget_tells(budget: Budget, listeners: money.Listeners, observed: str) -> None:
    verdict = money.budget_tells(budget, listeners, OPEN)
    assert (bool(verdict), verdict.observed) == (not observed.startswith("it tells nobody"), observed)


def test_silent_topics_are_shown() -> None:
    budget = notified(subscribers=(f"SNS:{TOPIC}", "SNS:gone"))
    assert money.budget_tells(budget, PENDING, OPEN).evidence == (
        "topic billing has no confirmed subscriber (2 pending)",
        "topic gone does not exist",
    )


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        (CLOSED[TOPIC], "the policy of topic billing does not let AWS Budgets publish"),
        (
            structs.replace(OPEN[TOPIC], key="alias/aws/sns"),
            "topic billing is encrypted with AWS's own key, which AWS Budgets cannot use",
        ),
    ],
)
def test_a_topic_that_budgets_cannot_publish_to(topic: Topic, why: str) -> None:
    verdict = money.budget_tells(notified(subscribers=(f"SNS:{TOPIC}",)), HEARD, {TOPIC: topic})
    assert verdict.observed == f"it tells nobody: {why}"


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        (CHARGES, ""),
        (structs.replace(CHARGES, period_s=86400), ""),
        (structs.replace(CHARGES, period_s=21599), "period 21599 s, but charges"),
        (structs.replace(CHARGES, statistic="Sum"), "statistic Sum of a sum"),
        (structs.replace(CHARGES, dimensions={}), "it lacks the dimension Currency"),
    ],
)
def test_an_alarm_on_charges(metric: AlarmMetric, problem: str) -> None:
    verdict = money.charges_alarm_exists([alarm(metric)], ACCOUNT, HEARD.get, OPEN.get)
    assert bool(verdict) is not bool(problem)
    assert verdict.resource == "arn:alarm"
    expected = f"alarm charges cannot warn: {problem}" if problem else "alarm charges watches the month's charges"
    assert verdict.observed.startswith(expected)
    assert len(verdict.evidence) == bool(problem)


@pytest.mark.parametrize(
    ("changes", "topics", "problem"),
    [
        ({"comparison": "GreaterThanUpperThreshold"}, OPEN, ""),
        ({"comparison": "LessThanThreshold"}, OPEN, "it compares with LessThanThreshold"),
        ({"actions": ("arn:aws:automate:us-east-1:ec2:stop",)}, OPEN, "it only acts by itself"),
        ({"state": "INSUFFICIENT_DATA"}, OPEN, "it has no data"),
        ({}, CLOSED, "the policy of topic billing does not let CloudWatch publish"),
        ({}, {}, "topic billing does not exist"),
    ],
)
def test_what_keeps_an_alarm_on_charges_from_warning(
    changes: dict[str, object], topics: money.Topics, problem: str
) -> None:
    verdict = money.charges_alarm_exists([alarm(**changes)], ACCOUNT, HEARD.get, topics.get)  # type: ignore[arg-type]
    assert bool(verdict) is not bool(problem)
    assert problem in verdict.observed


def test_one_good_alarm_among_bad_ones_is_enough() -> None:
    mute = alarm(name="mute", actions_enabled=False)
    verdict = money.charges_alarm_exists([mute, ALARM], ACCOUNT, HEARD.get, OPEN.get)
    assert (bool(verdict), verdict.observed) == (True, "alarm charges watches the month's charges")
    assert verdict.evidence == ("mute: its actions are disabled",)


def test_no_alarm_on_charges() -> None:
    other = alarm(structs.replace(CHARGES, namespace="Mine"))
    verdict = money.charges_alarm_exists([other], ACCOUNT, HEARD.get, OPEN.get)
    assert (bool(verdict), verdict.observed, verdict.resource) == (
        False,
        "no alarm on EstimatedCharges",
        f"account/{ACCOUNT}",
    )


@pytest.mark.parametrize(("state", "ok"), [("OK", True), ("INSUFFICIENT_DATA", True), ("ALARM", False)])
def test_charges_alarms_that_ring(state: str, ok: bool) -> None:
    verdict = money.charges_alarm_quiet([alarm(state=state, state_reason="101 > 100")], ACCOUNT)
    assert bool(verdict) is ok
    assert verdict.observed == ("1 alarms, none in ALARM" if ok else "in ALARM: 101 > 100")
    assert verdict.evidence == (f"charges: {state} above $100.00",)
    assert verdict.names == ({} if ok else {"alarm": "charges"})


def test_other_alarms_that_ring_are_none_of_its_business() -> None:
    other = alarm(structs.replace(CHARGES, name="Other"), state="ALARM")
    assert money.charges_alarm_quiet([other], ACCOUNT).observed == "0 alarms, none in ALARM"
