"""Anomalies, budgets and billing alarms: what was noticed, and whether anybody would be told."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence

from checks.diagnosis import alarm_reach
from checks.diagnosis.verdict import Verdict
from fixtures.model.alarms import Alarm, Topic
from fixtures.model.cost import Anomaly, Budget, BudgetNotification, TopicSubscriptions

# A person has looked and said so: GetAnomalies' Feedback.
_SETTLED = ("NO", "PLANNED_ACTIVITY")
# Billing metrics are published about every six hours; a shorter period sees nothing most of the time.
_SHORTEST_BILLING_PERIOD_S = 21600

Listeners = Mapping[str, TopicSubscriptions | None]
Topics = Mapping[str, Topic | None]


def open_anomalies(anomalies: Sequence[Anomaly], account: str, least_usd: float) -> Verdict:
    """No cost anomaly that nobody has assessed, and none that was confirmed and still goes on.

    Args:
        least_usd: impact from which an anomaly matters; what is smaller is milder.
    """
    still = sorted((a for a in anomalies if not _is_settled(a)), key=lambda a: -a.impact_usd)
    lines = tuple(
        f"{a.started}{f' to {a.ended}' if a.ended else ', still open'}: ${a.impact_usd:.2f} more than expected"
        f"{' in ' + '; '.join(a.causes) if a.causes else ''} (anomaly {a.id})"
        for a in still
    )
    return Verdict(
        ok=not still,
        resource=f"account/{account}",
        name=f"account {account}",
        observed=f"{len(still)} open cost anomalies, the largest ${still[0].impact_usd:.2f}"
        if still
        else "no anomaly is open",
        expected="none, or feedback given on each",
        evidence=lines,
        related=("cost",),
        severity="low" if still and still[0].impact_usd < least_usd else None,
    )


def _is_settled(anomaly: Anomaly) -> bool:
    return anomaly.feedback in _SETTLED or (anomaly.feedback == "YES" and bool(anomaly.ended))


def monitors_exist(monitors: Sequence[str], account: str) -> Verdict:
    """Cost Anomaly Detection has something to detect with."""
    return Verdict(
        ok=bool(monitors),
        resource=f"account/{account}",
        name=f"account {account}",
        observed=f"{len(monitors)} cost anomaly monitors",
        expected="at least one",
        evidence=tuple(monitors),
    )


def cost_budgets(budgets: Sequence[Budget]) -> list[Budget]:
    """Those on money, as against usage, reservations and savings plans."""
    return [b for b in budgets if b.kind == "COST"]


def budgets_exist(budgets: Sequence[Budget], account: str) -> Verdict:
    """There is a budget on cost."""
    own = cost_budgets(budgets)
    return Verdict(
        ok=bool(own),
        resource=f"account/{account}",
        name=f"account {account}",
        observed=f"{len(own)} cost budgets",
        expected="at least one",
        evidence=tuple(b.name for b in own),
    )


def budget_kept(budget: Budget, now: dt.datetime) -> Verdict:
    """Spend below the limit and no ACTUAL notification in alarm.

    Milder are a forecast above it, and a threshold below the limit that spend at the planned pace passes every month.
    """
    over = budget.limit_usd is not None and budget.actual_usd >= budget.limit_usd > 0
    alarmed = [n for n in budget.notifications if n.state == "ALARM" and n.comparison != "LESS_THAN"]
    actual = [
        n for n in alarmed if n.kind == "ACTUAL" and not (_is_below_limit(n, budget) and _keeps_pace(budget, now))
    ]
    limit = f"${budget.limit_usd:.2f}" if budget.limit_usd is not None else "its planned limit"
    return Verdict(
        ok=not over and not alarmed,
        resource=f"budget/{budget.name}",
        name=budget.name,
        observed=f"${budget.actual_usd:.2f} of {limit} are spent"
        + (f", ${budget.forecast_usd:.2f} forecast" if budget.forecast_usd is not None else ""),
        expected=f"less than {limit} and no notification in ALARM",
        evidence=tuple(
            f"{n.kind} {n.comparison} {n.threshold:g}{'%' if n.threshold_type == 'PERCENTAGE' else ' USD'}: ALARM"
            for n in alarmed
        ),
        severity=None if over or actual else "medium",
        related=("cost",),
        names={"budget": budget.name},
    )


def _is_below_limit(notification: BudgetNotification, budget: Budget) -> bool:
    """Whether a notification is of a threshold that is passed before the budget is spent."""
    limit = 100.0 if notification.threshold_type == "PERCENTAGE" else budget.limit_usd
    return limit is not None and notification.threshold < limit


def _keeps_pace(budget: Budget, now: dt.datetime) -> bool:
    """Whether a budget's limit will do: AWS foresees less, or no more of it is spent than of a month has passed."""
    if budget.limit_usd is None:
        return False
    if budget.forecast_usd is not None and budget.forecast_usd < budget.limit_usd:
        return True
    days = calendar.monthrange(now.year, now.month)[1]
    passed = (now.day - 1 + now.hour / 24) / days
    return budget.time_unit == "MONTHLY" and budget.actual_usd <= budget.limit_usd * passed


def budget_tells(budget: Budget, listeners: Listeners, topics: Topics) -> Verdict:
    """A notification on exceeding that reaches an e-mail address, or a topic that takes it and that somebody reads."""
    useful = [n for n in budget.notifications if n.comparison != "LESS_THAN"]
    told = list(dict.fromkeys(s for n in useful for s in n.subscribers))
    silence = {s: _budget_silence(s, listeners, topics) for s in told}
    reached = [s for s in told if not silence[s]]
    why = _why_untold(budget, bool(useful), tuple(silence.values()))
    return Verdict(
        ok=bool(reached) and not budget.unhealthy,
        resource=f"budget/{budget.name}",
        name=budget.name,
        observed=f"it tells nobody: {why}"
        if budget.unhealthy or not reached
        else f"{len(reached)} subscribers are told",
        expected="a notification with an e-mail or a confirmed SNS subscriber",
        evidence=tuple(s for s in silence.values() if s),
        names={"budget": budget.name},
    )


def _why_untold(budget: Budget, has_notification: bool, silence: Sequence[str]) -> str:
    if budget.unhealthy:
        return f"AWS does not evaluate it any more ({budget.unhealthy})"
    if not has_notification:
        return "no notification on exceeding"
    return "; ".join(silence) or "no subscriber"


def _budget_silence(subscriber: str, listeners: Listeners, topics: Topics) -> str:
    """Why a subscriber of a budget hears nothing; an e-mail address needs no confirmation."""
    if subscriber == "EMAIL":
        return ""
    arn = subscriber.removeprefix("SNS:")
    return alarm_reach.deaf(arn, listeners.get(arn), topics.get(arn), "budgets.amazonaws.com", "AWS Budgets")


def charges_alarm_exists(
    alarms: Sequence[Alarm], account: str, listeners: alarm_reach.Listeners, topics: alarm_reach.Topics
) -> Verdict:
    """An EstimatedCharges alarm that watches a metric which exists, as it should, and that can tell somebody."""
    own = [a for a in alarms if a.watches("AWS/Billing", "EstimatedCharges")]
    problems = [
        (a, p)
        for a in own
        for p in (alarm_reach.tells_nobody(a, alarms, listeners, topics), *_charges_problems(a))
        if p
    ]
    healthy = [a for a in own if a.name not in {p[0].name for p in problems}]
    if healthy:
        observed = f"alarm {healthy[0].name} watches the month's charges"
    elif own:
        observed = f"alarm {own[0].name} cannot warn: {problems[0][1]}"
    else:
        observed = "no alarm on EstimatedCharges"
    return Verdict(
        ok=bool(healthy),
        resource=own[0].arn if own else f"account/{account}",
        name=own[0].name if own else f"account {account}",
        observed=observed,
        expected="an alarm on EstimatedCharges in us-east-1: Maximum, six hours or longer, telling somebody",
        evidence=tuple(f"{a.name}: {p}" for a, p in problems),
    )


def _charges_problems(alarm: Alarm) -> list[str]:
    metric = next(m for m in alarm.metrics if m.name == "EstimatedCharges")
    found = []
    if "Currency" not in metric.dimensions:
        found.append("it lacks the dimension Currency, without which there is no such metric")
    if not alarm.comparison.startswith("Greater"):
        found.append(f"it compares with {alarm.comparison}")
    if alarm.state == "INSUFFICIENT_DATA":
        found.append("it has no data: billing alerts are off, or the month has just begun")
    if metric.statistic != "Maximum":
        found.append(f"statistic {metric.statistic} of a sum that only grows; Maximum is meant")
    if metric.period_s < _SHORTEST_BILLING_PERIOD_S:
        found.append(f"period {metric.period_s} s, but charges are published about every six hours")
    return found


def charges_alarm_quiet(alarms: Sequence[Alarm], account: str) -> Verdict:
    """No EstimatedCharges alarm in ALARM. The metric is the month to date: it falls to zero on the first."""
    own = [a for a in alarms if a.watches("AWS/Billing", "EstimatedCharges")]
    ringing = [a for a in own if a.state == "ALARM"]
    return Verdict(
        ok=not ringing,
        resource=ringing[0].arn if ringing else f"account/{account}",
        name=ringing[0].name if ringing else f"account {account}",
        observed=f"in ALARM: {ringing[0].state_reason}" if ringing else f"{len(own)} alarms, none in ALARM",
        expected="month-to-date charges below the threshold",
        evidence=tuple(f"{a.name}: {a.state} above ${a.threshold or 0:.2f}" for a in own),
        related=("cost",),
        names={"alarm": ringing[0].name} if ringing else {},
    )
