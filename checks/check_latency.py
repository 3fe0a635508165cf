"""API calls are slow. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from checks.diagnosis import (
    alarm_coverage,
    alarm_reach,
    headroom,
    latency,
    saturation,
    self_audit,
    sessions,
    terraform_services,
    traces,
)
from checks.diagnosis.verdict import Verdict, together, worst
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.alarms import Alarm, Topic
from fixtures.model.alb import LoadBalancer, TargetGroup, balancer_dimension
from fixtures.model.cost import TopicSubscriptions
from fixtures.model.database import Database
from fixtures.model.ecs import MissingService, Service, TaskDefinition
from fixtures.model.latency import Load, ResponseTimes, Scaling, ServiceGraph, Sessions, SlowStatement
from fixtures.model.terraform import Source
from fixtures.target import Target

pytestmark = pytest.mark.latency

_NO_DATABASE = "no service uses a database that is known"
Listeners = Each[str, TopicSubscriptions | None]
Topics = Each[str, Topic | None]


def _fast(times: ResponseTimes, target: Target, related: tuple[str, ...] = ()) -> Verdict:
    limits = target.latency
    return latency.judge(
        _busy(times, target),
        statistic=limits.statistic,
        threshold_s=limits.threshold_s,
        periods=limits.breaching_periods,
        min_requests=limits.min_requests,
        related=related,
    )


def _busy(times: ResponseTimes, target: Target) -> ResponseTimes:
    least = target.latency.min_requests
    if not latency.has_traffic(times, least):
        raise NotApplicable(f"{times.what} had too few requests to judge (below {least} in every period)")
    return times


def _of_service(service: Service, times: Each[str, ResponseTimes]) -> list[str]:
    """Its groups, also the other of a blue/green pair: after every second deployment that is the one that serves."""
    return [arn for arn in service.every_target_group if arn in times]


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "response time metrics")
@pytest.mark.caused_by(
    "check_no_traced_call_is_slow",
    "check_no_sessions_are_stuck",
    "check_slow_query_log_is_quiet",
    "check_service_has_room",
    "check_database_has_room",
    "check_database_connections_are_below_limit",
)
def check_service_answers_fast(service: Service, response_times: Each[str, ResponseTimes], target: Target) -> None:
    """Each service's target groups answer within the threshold, single spikes aside."""
    judged = Each.over(
        _of_service(service, response_times), lambda arn: _fast(response_times.of(arn), target, service.related)
    )
    verdict = together(judged, f"{service.service} is behind no Application Load Balancer")
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "response time grows")
@pytest.mark.caused_by("check_no_traced_call_is_slow", "check_no_sessions_are_stuck", "check_service_has_room")
def check_response_times_do_not_grow(
    service: Service, response_times: Each[str, ResponseTimes], target: Target
) -> None:
    """Each service's target groups answer about as fast at the window's end as at its begin."""
    limits = target.latency

    def judge(arn: str) -> Verdict:
        return latency.judge_growth(
            _busy(response_times.of(arn), target),
            factor=limits.growth_factor,
            least_s=limits.threshold_s / 2,
            min_requests=limits.min_requests,
            related=service.related,
        )

    judged = Each.over(_of_service(service, response_times), judge)
    verdict = together(judged, f"{service.service} is behind no Application Load Balancer")
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "slow responses")
@pytest.mark.caused_by("check_service_answers_fast")
def check_load_balancer_answers_fast(
    application_balancers: Each[str, LoadBalancer],
    target_groups: Each[str, TargetGroup | None],
    response_times: Each[str, ResponseTimes],
    target: Target,
) -> None:
    """What clients wait for, over all target groups, stays within the threshold."""
    groups = [g for g in target_groups.available().values() if g is not None]

    def judge(arn: str) -> Verdict:
        return _fast(response_times.of(arn), target, tuple(g.arn for g in groups if arn in g.load_balancers))

    verdict = together(application_balancers.map(lambda arn, _: judge(arn)), "no Application Load Balancer")
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "traces")
@pytest.mark.caused_by("check_no_sessions_are_stuck", "check_service_has_room")
def check_no_traced_call_is_slow(
    service_graph: ServiceGraph,
    services: Each[str, Service | MissingService],
    task_definition: Each[str, TaskDefinition],
    target: Target,
) -> None:
    """No call of the services in X-Ray's service graph is slow or faulty; the one that is, is named."""
    if not service_graph.nodes:
        raise NotApplicable("X-Ray has no traces of the window")
    revisions = task_definition.available()
    known = [s for s in services.available().values() if isinstance(s, Service)]
    names = [name for s in known for name in traces.names_of(s, revisions.get(s.name))]
    short = [s.name for s in known]
    verdict = traces.judge(service_graph, names, target.name, short, threshold_s=target.latency.threshold_s)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "traces")
def check_expected_traces_arrive(
    service: Service, task_definition: TaskDefinition, service_graph: ServiceGraph
) -> None:
    """A service whose task definition expects X-Ray appears in its service graph."""
    expected = traces.expects(task_definition)
    if not expected:
        raise NotApplicable(f"nothing in {task_definition.short} expects X-Ray")
    verdict = traces.arrive(service, task_definition, service_graph, expected)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("X-Ray traces")
@pytest.mark.guide("latency", "means of diagnosis")
def check_traces_are_recorded(
    task_definition: Each[str, TaskDefinition], service_graph: ServiceGraph, target: Target
) -> None:
    """X-Ray has traces, or is set up to, so that a slow call can be followed."""
    expected = [why for d in task_definition.available().values() if (why := traces.expects(d))]
    if not service_graph.nodes and not expected:
        # Whether some service that could not be read is set up for it would decide.
        task_definition.all()
    verdict = self_audit.traces(service_graph, expected, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("Performance Insights")
@pytest.mark.guide("latency", "means of diagnosis")
def check_performance_insights_is_on(databases: Mapping[str, Database]) -> None:
    """Performance Insights is on, so that the database's load can be taken apart afterwards."""
    verdicts = tuple(v for d in databases.values() if (v := self_audit.performance_insights(d)) is not None)
    if not verdicts:
        raise NotApplicable("no database of a class that has Performance Insights")
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "more capacity or less work")
@pytest.mark.caused_by("check_busy_service_can_scale_out")
def check_service_has_room(
    service: Service,
    task_definition: TaskDefinition,
    service_load: Load,
    service_scaling: Scaling | None,
    target: Target,
) -> None:
    """Tasks do not use up the CPU and memory that they reserve."""
    if not any(service_load.series.values()):
        raise NotApplicable(f"no utilisation of {service.service} in the window")
    limits = target.latency
    verdict = saturation.judge_service(
        service,
        task_definition,
        service_load,
        service_scaling,
        cpu_percent=limits.cpu_percent,
        memory_percent=limits.memory_percent,
    )
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "scaling limits")
@pytest.mark.caused_by("check_no_sessions_are_stuck", "check_terraform_has_no_drift")
def check_busy_service_can_scale_out(
    service: Service, service_load: Load, service_scaling: Scaling | None, target: Target
) -> None:
    """A service whose load calls for more tasks is neither at its maximum nor suspended."""
    if service_scaling is None:
        raise NotApplicable(f"{service.service} is not registered with Application Auto Scaling")
    if not any(service_load.series.values()):
        raise NotApplicable(f"no utilisation of {service.service} in the window")
    limits = target.latency
    verdict = headroom.judge(
        service,
        service_scaling,
        service_load,
        cpu_percent=limits.cpu_percent,
        memory_percent=limits.memory_percent,
    )
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "autoscaling")
def check_service_scales(service: Service, service_scaling: Scaling | None) -> None:
    """Each service scales on CPU or memory, with room, unsuspended and without failed attempts."""
    if service.scheduling != "REPLICA":
        raise NotApplicable(f"{service.service} runs one task on each instance, which nothing scales")
    verdict = saturation.judge_scaling(service, service_scaling)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "autoscaling and terraform")
def check_terraform_leaves_scaling_alone(
    service: Service, service_scaling: Scaling | None, terraform_source: Source
) -> None:
    """Terraform does not set back the number of tasks of a service that autoscaling manages."""
    if service_scaling is None:
        raise NotApplicable(f"{service.service} is not registered with Application Auto Scaling")
    block = terraform_services.block_of(service, terraform_source.resources)
    if block is None and terraform_source.unreadable:
        raise Unavailable("the Terraform files", "incomplete", terraform_source.unreadable[0])
    if block is None:
        raise NotApplicable(f"no one aws_ecs_service block in {terraform_source.directory} is {service.service}")
    verdict = terraform_services.keeps_count(service, service_scaling, block)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "latency alarms")
def check_latency_alarm_can_warn(
    application_balancers: Each[str, LoadBalancer],
    alarms: tuple[Alarm, ...],
    alarm_listeners: Listeners,
    alarm_topics: Topics,
) -> None:
    """An alarm on response times watches each load balancer and tells somebody."""
    unheard = _unheard(alarms, alarm_listeners, alarm_topics)
    judged = application_balancers.map(lambda _, b: alarm_coverage.latency_alarm(alarms, b, unheard))
    verdict = together(judged, "no Application Load Balancer")
    assert verdict, verdict.explain()


def _unheard(alarms: tuple[Alarm, ...], listeners: Listeners, topics: Topics) -> alarm_coverage.Unheard:
    return lambda alarm: alarm_reach.tells_nobody(alarm, alarms, listeners.of, topics.of)


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "alarm coverage")
def check_alarms_are_heard(
    alarms: tuple[Alarm, ...], alarm_listeners: Listeners, alarm_topics: Topics, target: Target
) -> None:
    """Every alarm of the target reaches a confirmed subscriber: action, topic, its policy and key, subscription."""
    verdict = alarm_reach.judge(alarms, target.prefix, alarm_listeners.of, alarm_topics.of)
    if verdict is None:
        raise NotApplicable(f"no alarm is about {target.prefix}; that one is missing, another check says")
    assert verdict, verdict.explain()


def _own_services(
    services: Each[str, Service | MissingService], target_groups: Each[str, TargetGroup | None]
) -> dict[str, frozenset[str]]:
    """The services' and their load balancers' values of CloudWatch's dimensions."""
    known = [s for s in services.all().values() if isinstance(s, Service)]
    groups = [g for g in target_groups.all().values() if g is not None]
    return {
        "ClusterName": frozenset(s.cluster for s in known),
        "ServiceName": frozenset(s.service for s in known),
        "TargetGroup": frozenset(g.dimension for g in groups),
        "LoadBalancer": frozenset(balancer_dimension(arn) for g in groups for arn in g.load_balancers),
    }


@pytest.mark.severity("low")
@pytest.mark.guide("latency", "alarm coverage")
@pytest.mark.parametrize("scenario", ["ecs", "alb", "latency"])
def check_some_alarm_would_tell(
    scenario: str,
    alarms: tuple[Alarm, ...],
    alarm_listeners: Listeners,
    alarm_topics: Topics,
    services: Each[str, Service | MissingService],
    target_groups: Each[str, TargetGroup | None],
    target: Target,
) -> None:
    """For each scenario some alarm on the target's own resources would have told; those that only look so are named."""
    own = _own_services(services, target_groups)
    if scenario != "ecs" and not own["LoadBalancer"]:
        raise NotApplicable("no service is behind a load balancer")
    unheard = _unheard(alarms, alarm_listeners, alarm_topics)
    verdict = alarm_coverage.judge(scenario, alarms, own, unheard, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("latency", "alarm coverage")
def check_some_alarm_would_tell_of_database(
    databases: Mapping[str, Database],
    alarms: tuple[Alarm, ...],
    alarm_listeners: Listeners,
    alarm_topics: Topics,
    services: Each[str, Service | MissingService],
    target_groups: Each[str, TargetGroup | None],
    target: Target,
) -> None:
    """Some alarm would have told somebody that services cannot use their database."""
    own = _own_services(services, target_groups) | {
        "DBInstanceIdentifier": frozenset(i for d in databases.values() for i in d.instances),
        "DBClusterIdentifier": frozenset(d.identifier for d in databases.values()),
    }
    unheard = _unheard(alarms, alarm_listeners, alarm_topics)
    verdict = alarm_coverage.judge("database", alarms, own, unheard, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("latency", "alarm coverage")
def check_some_alarm_would_tell_of_cost(
    billing_alarms: tuple[Alarm, ...], billing_listeners: Listeners, billing_topics: Topics, target: Target
) -> None:
    """Some alarm would have told somebody of unexpected cost."""
    on_charges = tuple(a for a in billing_alarms if not a.composite)
    unheard = _unheard(on_charges, billing_listeners, billing_topics)
    verdict = alarm_coverage.judge("cost", on_charges, {}, unheard, target.name)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "slow queries")
@pytest.mark.caused_by(
    "check_database_has_room",
    "check_database_is_available",
    "check_database_secret_is_valid",
    "check_database_credentials_agree",
)
def check_no_sessions_are_stuck(
    database_sessions: Each[str, Sessions],
    slow_statements: Each[str, tuple[SlowStatement, ...]],
    databases: Mapping[str, Database],
    target: Target,
) -> None:
    """No session of the database runs long, waits for a lock, or idles inside a transaction."""
    limits = target.latency

    def judge(arn: str) -> Verdict:
        return sessions.judge(
            _seen(arn, database_sessions, slow_statements),
            databases[arn],
            query_age_s=limits.query_age_s,
            lock_wait_s=limits.lock_wait_s,
            idle_s=limits.idle_in_transaction_s,
        )

    verdict = together(Each.over(database_sessions, judge), _NO_DATABASE)
    assert verdict, verdict.explain()


def _seen(arn: str, found: Each[str, Sessions], logged: Each[str, tuple[SlowStatement, ...]]) -> Sessions:
    """The sessions; where the database cannot be reached from here, its slow-query log has to do."""
    try:
        return found.of(arn)
    except Unavailable as e:
        if e.cause == "unreachable" and arn in logged.available():
            raise NotApplicable(f"{e}; its slow-query log is judged instead") from None
        raise


@pytest.mark.severity("medium")
@pytest.mark.guide("latency", "slow queries")
@pytest.mark.caused_by("check_no_sessions_are_stuck", "check_database_has_room")
def check_slow_query_log_is_quiet(
    slow_statements: Each[str, tuple[SlowStatement, ...]], databases: Mapping[str, Database], target: Target
) -> None:
    """The database logged no statement over the limit in the window."""

    def judge(arn: str) -> Verdict:
        logged = slow_statements.of(arn)
        return sessions.judge_log(logged, databases[arn], query_age_s=target.latency.logged_query_s)

    verdict = together(Each.over(slow_statements, judge), _NO_DATABASE)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("latency", "database load")
@pytest.mark.caused_by("check_no_sessions_are_stuck")
def check_database_has_room(database_load: Each[str, Load], databases: Mapping[str, Database], target: Target) -> None:
    """The database has CPU, burst credits and storage left."""

    def judge(arn: str) -> Verdict:
        return saturation.judge_database(
            database_load.of(arn),
            databases[arn],
            cpu_percent=target.latency.cpu_percent,
            storage_percent=target.latency.storage_percent,
        )

    verdict = together(Each.over(database_load, judge), _NO_DATABASE)
    assert verdict, verdict.explain()
