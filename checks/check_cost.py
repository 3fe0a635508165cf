"""Unexpected cost. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt

import pytest

from checks.diagnosis import lifecycle_policy, money, self_audit, spend, thrift
from checks.diagnosis.verdict import Verdict, worst
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.alarms import Alarm, Topic
from fixtures.model.cost import Anomaly, Budget, DailyCost, Schedule, TopicSubscriptions, Usage
from fixtures.model.ecs import Service, Task
from fixtures.model.images import ContainerImage
from fixtures.model.registry import LogGroup, Repository
from fixtures.target import Target

pytestmark = [pytest.mark.cost, pytest.mark.drift]

Listeners = Each[str, TopicSubscriptions | None]
Topics = Each[str, Topic | None]


def _comparable(cost: DailyCost) -> DailyCost:
    try:
        spend.judged_day(cost)
    except ValueError as e:
        raise Unavailable("ce:GetCostAndUsage", "incomplete", str(e)) from None
    return cost


@pytest.mark.severity("high")
@pytest.mark.guide("cost", "daily cost")
@pytest.mark.caused_by("check_no_service_cost_grew")
def check_daily_cost_has_no_spike(daily_cost: DailyCost, caller: str, target: Target) -> None:
    """The last complete day cost about as much as the days before."""
    limits = target.cost
    verdict = spend.total_spike(_comparable(daily_cost), caller, limits.spike_percent, limits.spike_usd)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("Cost Explorer")
@pytest.mark.guide("cost", "means of diagnosis")
def check_cost_explorer_is_enabled(cost_explorer: bool, caller: str) -> None:
    """Cost Explorer is enabled, so that a cost can be traced to its service."""
    verdict = self_audit.cost_explorer(cost_explorer, caller)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("cost", "offending service")
def check_no_service_cost_grew(daily_cost: DailyCost, caller: str, target: Target) -> None:
    """No single AWS service cost much more than usual; if one did, its usage type is named."""
    if not daily_cost.lines:
        raise NotApplicable("the account had no usage cost in the window")
    limits = target.cost
    verdict = spend.offending_service(_comparable(daily_cost), caller, limits.spike_percent, limits.spike_usd)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("cost", "anomaly alerts")
@pytest.mark.caused_by("check_no_service_cost_grew", "check_daily_cost_has_no_spike")
def check_no_cost_anomaly_is_open(cost_anomalies: tuple[Anomaly, ...], caller: str, target: Target) -> None:
    """Every cost anomaly has been looked at by somebody."""
    verdict = money.open_anomalies(cost_anomalies, caller, target.cost.spike_usd)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "weekly review")
def check_cost_anomalies_are_detected(anomaly_monitors: tuple[str, ...], caller: str) -> None:
    """Cost Anomaly Detection has a monitor, so that a review does not depend on somebody's memory."""
    verdict = money.monitors_exist(anomaly_monitors, caller)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("cost", "budgets triggered")
@pytest.mark.caused_by("check_no_service_cost_grew", "check_daily_cost_has_no_spike")
def check_budgets_are_kept(budgets: tuple[Budget, ...], caller: str, now: dt.datetime) -> None:
    """No cost budget is exceeded, and none of its notifications is in alarm."""
    own = money.cost_budgets(budgets)
    if not own:
        raise NotApplicable(f"account {caller} has no cost budget")
    verdicts = tuple(money.budget_kept(b, now) for b in own)
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "budgets with subscribers")
def check_a_budget_exists(budgets: tuple[Budget, ...], caller: str) -> None:
    """The account has a budget on cost."""
    verdict = money.budgets_exist(budgets, caller)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "budgets with subscribers")
def check_budgets_tell_somebody(
    budgets: tuple[Budget, ...], budget_listeners: Listeners, budget_topics: Topics, caller: str
) -> None:
    """Every cost budget tells somebody who confirmed to be told."""
    own = money.cost_budgets(budgets)
    if not own:
        raise NotApplicable(f"account {caller} has no cost budget")
    verdicts = tuple(money.budget_tells(b, budget_listeners.all(), budget_topics.all()) for b in own)
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("cost", "estimated charges alarm")
@pytest.mark.caused_by("check_no_service_cost_grew", "check_daily_cost_has_no_spike")
def check_estimated_charges_alarm_is_quiet(billing_alarms: tuple[Alarm, ...], caller: str) -> None:
    """No alarm on the month's estimated charges is in ALARM."""
    if not any(a.watches("AWS/Billing", "EstimatedCharges") for a in billing_alarms):
        raise NotApplicable("no alarm on EstimatedCharges in us-east-1")
    verdict = money.charges_alarm_quiet(billing_alarms, caller)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "estimated charges alarm")
def check_estimated_charges_alarm_can_warn(
    billing_alarms: tuple[Alarm, ...], billing_listeners: Listeners, billing_topics: Topics, caller: str
) -> None:
    """An alarm on the month's estimated charges exists, looks right and tells somebody."""
    verdict = money.charges_alarm_exists(billing_alarms, caller, billing_listeners.of, billing_topics.of)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "image lifecycle")
def check_repository_expires_images(
    service: Service,
    repositories: tuple[Repository, ...],
    running_tasks: tuple[Task, ...],
    container_images: tuple[ContainerImage, ...],
    now: dt.datetime,
) -> None:
    """Every repository that a service uses has a valid lifecycle policy that spares what runs or would start next."""
    running = [c.image_digest for t in running_tasks for c in t.containers if c.image_digest]
    # A service that sleeps runs nothing, and needs its image in the morning.
    needed = [*running, *(i.digest for i in container_images if i.digest)]
    verdicts = tuple(lifecycle_policy.judge(r, needed, now) for r in repositories)
    if not verdicts:
        raise NotApplicable(f"the repositories of {service.service} do not exist")
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("cost", "log retention")
def check_logs_expire(service: Service, log_retention: tuple[LogGroup, ...], target: Target) -> None:
    """The log groups of each service have a retention."""
    if not log_retention:
        raise NotApplicable(f"{service.service} has no log group in CloudWatch")
    verdicts = tuple(thrift.retention(g, target.cost.max_retention_days) for g in log_retention)
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("cost", "idle tasks")
def check_service_is_used(service: Service, usage: Usage, target: Target) -> None:
    """A service that runs tasks also does something."""
    if usage.busiest_cpu_percent is None:
        raise NotApplicable(f"no CPU utilisation of {service.service} in the last days")
    verdict = thrift.is_used(service, usage, target.cost.idle_cpu_percent)
    assert verdict, verdict.explain()


def _asleep(target: Target) -> None:
    if target.production:
        raise NotApplicable("a production environment runs day and night")
    if not target.cost.office_hours_required:
        raise NotApplicable("the target does not ask for it (cost.office_hours_required = false)")


@pytest.mark.severity("low")
@pytest.mark.guide("cost", "stop and start schedule")
def check_service_sleeps_at_night(
    service: Service, scheduled_scaling: tuple[Schedule, ...], schedules: tuple[Schedule, ...], target: Target
) -> None:
    """A non-production service is scaled in outside working hours and out again."""
    _asleep(target)
    scaling = [s for s in scheduled_scaling if s.target == f"service/{service.cluster}/{service.service}"]
    called = [s for s in schedules if service.service in f"{s.name}{s.target}{s.detail}"]
    verdict = thrift.sleeps(service.service, service.arn, (*scaling, *called))
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("cost", "stop and start schedule")
def check_database_sleeps_at_night(
    schedules: tuple[Schedule, ...], event_rules: tuple[Schedule, ...], target: Target
) -> None:
    """A non-production database is stopped outside working hours and started again."""
    _asleep(target)
    if not target.database.enabled:
        raise NotApplicable("the target has no database")
    ours = target.database.identifier or target.prefix
    about = tuple(s for s in (*schedules, *event_rules) if thrift.concerns_database(s, ours))
    verdict: Verdict = thrift.sleeps("the database", f"target/{target.name}/database", about)
    assert verdict, verdict.explain()
