"""The load balancer answers 503. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import pytest

from checks.diagnosis import (
    access_log,
    grace_period,
    health_probe,
    http_errors,
    listener_rules,
    ports,
    response_errors,
    service_state,
    service_urls,
)
from checks.diagnosis import load_balancers as balancing
from checks.diagnosis import target_health as registration
from checks.diagnosis.http_errors import Limits
from checks.diagnosis.verdict import Verdict, together, worst
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.access_log import AccessLog
from fixtures.model.alb import (
    APPLICATION,
    AccessLogSettings,
    Attachment,
    Listener,
    LoadBalancer,
    ProbeAnswer,
    Routing,
    Target,
)
from fixtures.model.ecs import Service, Spans, Task, TaskDefinition, deployment_spans
from fixtures.model.metrics import Counts, Traffic
from fixtures.model.network import Peer, SecurityGroup
from fixtures.target import Target as Settings

pytestmark = pytest.mark.alb

Health = Each[str, tuple[Target, ...]]
Balancers = Each[str, LoadBalancer]
Groups = Mapping[str, SecurityGroup]
Lists = Each[str, tuple[str, ...]]
_NO_BALANCER = "no load balancer uses the services' target groups"


def _wanted(service: Service) -> None:
    if service.desired == 0 and service.scheduling == "REPLICA":
        raise NotApplicable(f"{service.service} is scaled to zero")


def _targets(health: Health, attachment: Attachment) -> tuple[Target, ...]:
    """A group's targets; none of a group that does not exist any more."""
    return () if attachment.group is None else health.of(attachment.group_arn)


def _serving(service: Service, attachments: Sequence[Attachment], health: Health) -> tuple[Attachment, ...]:
    """The groups that requests are sent to.

    Raises:
        NotApplicable: there is none, so nobody misses their targets.
    """
    _wanted(service)
    found = registration.serving(attachments, {a.group_arn: _targets(health, a) for a in attachments})
    if not found:
        names = ", ".join(a.name for a in attachments)
        raise NotApplicable(f"no listener rule sends requests to {names}")
    return found


def _judge(verdicts: Iterable[tuple[Attachment, Verdict]]) -> Verdict:
    """One verdict on all of a service's groups.

    Raises:
        Unavailable: one looks broken, and nobody could look whether requests reach it at all.
    """
    judged = tuple(verdicts)
    doubtful = [a.unknown for a, v in judged if not v and a.unknown is not None]
    if doubtful and all(v or a.unknown is not None for a, v in judged):
        raise doubtful[0]
    return worst(tuple(v for _, v in judged), otherwise=judged[0][1])


def _limits(target: Settings) -> Limits:
    return Limits(target.alb.spike_requests, target.alb.spike_percent)


# -- the load balancer itself -------------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "load balancer state")
def check_load_balancer_is_active(load_balancers: Balancers) -> None:
    """Every load balancer in front of the services is active."""
    verdict = together(load_balancers.map(lambda _, b: balancing.is_active(b)), _NO_BALANCER)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "security groups")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_load_balancer_admits_clients(
    application_balancers: Balancers, listeners: Each[str, tuple[Listener, ...]], security_groups: Groups
) -> None:
    """The load balancer's security groups open every listener's port to somebody."""
    judged = application_balancers.map(lambda arn, b: balancing.admits_clients(b, listeners.of(arn), security_groups))
    verdict = together(judged, _NO_BALANCER)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("network")
@pytest.mark.guide("alb", "security groups")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_load_balancer_reaches_tasks(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    balancer_peers: Each[str, Peer],
    task_peer: Peer,
    security_groups: Groups,
    balancer_prefix_lists: Lists,
    task_prefix_lists: Lists,
) -> None:
    """Security groups let the load balancer connect to each service's tasks, on traffic and health-check port."""
    verdicts = [
        (
            a,
            balancing.reaches_tasks(
                a,
                balancer_peers.of(arn),
                task_peer,
                _targets(target_health, a),
                security_groups,
                lambda one: balancer_prefix_lists.get(one, ()),
                lambda one: task_prefix_lists.get(one, ()),
            ),
        )
        for a in _serving(service, attachments, target_health)
        if a.group is not None
        for arn in a.group.load_balancers
    ]
    if not verdicts:
        raise NotApplicable(f"no load balancer uses a target group of {service.service}")
    verdict = _judge(verdicts)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "listener rules")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_listeners_route_to_service(
    service: Service, attachments: tuple[Attachment, ...], routing: Each[str, Routing], target: Settings
) -> None:
    """Requests for each service's paths get to its targets, past every rule with a higher priority."""
    own = {arn for a in attachments if a.group is not None for arn in a.group.load_balancers}
    # A group that no rule names has lost its load balancer: then any of the environment's may be the one.
    routings = [r for arn, r in routing.all().items() if arn in own or not own]
    http = [r for r in routings if r.load_balancer.kind == APPLICATION]
    if routings and not http:
        raise NotApplicable(f"{service.service} is behind a {routings[0].load_balancer.kind} load balancer")
    verdict = listener_rules.reaches(service.name, attachments, http, target.settings_of(service.name).paths)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("high")
@pytest.mark.guide("alb", "addresses between services")
@pytest.mark.caused_by("check_listeners_route_to_service", "check_terraform_has_no_drift")
def check_service_urls_lead_to_services(
    service: Service,
    task_definition: TaskDefinition,
    routing: Each[str, Routing],
    groups_of_services: Mapping[str, tuple[str, ...]],
    target: Settings,
) -> None:
    """An address of the load balancer in a service's environment leads to the service that its variable names."""
    found = service_urls.addresses(task_definition, tuple(routing.all().values()))
    if not found:
        raise NotApplicable(f"no variable of {task_definition.short} holds an address of the load balancer")
    paths = {name: target.settings_of(name).paths for name in groups_of_services}
    verdict = service_urls.judge(service, found, groups_of_services, paths)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("asking the health path through the load balancer")
@pytest.mark.guide("alb", "addresses between services")
def check_health_path_is_own(
    service: Service,
    routing: Each[str, Routing],
    groups_of_services: Mapping[str, tuple[str, ...]],
    health_path: str,
) -> None:
    """Asked through the load balancer, each service's health path is answered by that service."""
    if not groups_of_services.get(service.name):
        raise NotApplicable(f"service {service.service} is not behind a load balancer")
    http = [r for r in routing.all().values() if r.load_balancer.kind == APPLICATION]
    verdict = service_urls.health_path_is_own(service, health_path, http, groups_of_services)
    if verdict is None:
        raise NotApplicable(f"no load balancer sends {health_path} to any target")
    assert verdict, verdict.explain()


# -- targets ------------------------------------------------------------------------------------------------------


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "target health")
@pytest.mark.caused_by(
    "check_service_exists",
    "check_ports_agree",
    "check_no_tasks_stop",
    "check_image_exists",
    "check_secrets_resolve",
    "check_service_is_stable",
)
def check_service_has_targets(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    now: dt.datetime,
    target: Settings,
) -> None:
    """Each service has targets registered in the target groups that requests are sent to."""
    settling = service_state.is_settling(service, now, target.ecs.settle_min)
    serving = _serving(service, attachments, target_health)
    verdict = _judge((a, registration.has_targets(service, a, _targets(target_health, a), settling)) for a in serving)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("alb", "registered tasks")
@pytest.mark.caused_by(
    "check_service_has_targets", "check_ports_agree", "check_service_is_stable", "check_no_tasks_stop"
)
def check_targets_are_running_tasks(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    running_tasks: tuple[Task, ...],
    every_task_address: frozenset[str],
    now: dt.datetime,
) -> None:
    """Registered addresses are those of running tasks, and running tasks are registered."""
    serving = [a for a in _serving(service, attachments, target_health) if a.group and a.group.target_type == "ip"]
    if not serving or not any(t.private_ip for t in running_tasks):
        raise NotApplicable(f"{service.service} has no running task with an address of its own behind a target group")
    known = {a.group_arn: {t.id for t in _targets(target_health, a)} for a in attachments}

    def judge(one: Attachment) -> Verdict:
        elsewhere = frozenset(i for arn, ids in known.items() if arn != one.group_arn for i in ids)
        tasks = registration.Registration(running_tasks, every_task_address, elsewhere)
        return registration.are_running_tasks(service, one, _targets(target_health, one), tasks, now)

    verdict = _judge((a, judge(a)) for a in serving)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "target health")
@pytest.mark.caused_by(
    "check_load_balancer_reaches_tasks",
    "check_ports_agree",
    "check_no_tasks_stop",
    "check_image_exists",
    "check_secrets_resolve",
    "check_database_is_available",
    "check_database_admits_tasks",
    "check_no_stack_traces",
    "check_grace_period_is_enough",
)
def check_targets_are_healthy(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    running_tasks: tuple[Task, ...],
    now: dt.datetime,
) -> None:
    """Every registered target passes the load balancer's health checks."""
    serving = [
        a
        for a in _serving(service, attachments, target_health)
        if any(t.registered for t in _targets(target_health, a))
    ]
    if not serving:
        raise NotApplicable(f"{service.service} has no registered target, which another check says")
    verdict = _judge(
        (a, registration.are_healthy(service, a, _targets(target_health, a), running_tasks, now)) for a in serving
    )
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "health check fails")
@pytest.mark.caused_by("check_targets_are_healthy", "check_service_has_targets", "check_no_tasks_stop")
def check_service_kept_a_healthy_target(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    alb_counts: Each[str, Counts],
    target: Settings,
) -> None:
    """At every moment of the window each service had a healthy target."""
    deployments = deployment_spans([service], target.ecs.settle_min)
    verdicts = [
        (a, http_errors.stayed_healthy(service, a.group, alb_counts.of(a.group_arn), deployments))
        for a in _serving(service, attachments, target_health)
        if a.group is not None and a.group_arn in alb_counts
    ]
    if not verdicts:
        raise NotApplicable(f"{service.service} is behind no Application Load Balancer")
    verdict = _judge(verdicts)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("alb", "tasks listen on the right port")
@pytest.mark.caused_by("check_terraform_has_no_drift")
def check_ports_agree(
    service: Service,
    attachments: tuple[Attachment, ...],
    task_definition: TaskDefinition,
    target_health: Health,
) -> None:
    """Container, service, registered targets and health check mean the same port."""
    _wanted(service)
    own = [a for a in attachments if not a.alternate]
    judged = Each.over(own, lambda a: ports.agree(service, a, task_definition, _targets(target_health, a)))
    verdict = together(judged, f"{service.service} is in no target group")
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("alb", "grace period")
@pytest.mark.caused_by("check_terraform_has_no_drift")
def check_grace_period_is_enough(
    service: Service,
    attachments: tuple[Attachment, ...],
    target_health: Health,
    running_tasks: tuple[Task, ...],
    recently_stopped_tasks: tuple[Task, ...],
    now: dt.datetime,
    target: Settings,
) -> None:
    """The health-check grace period is long enough for a task to become healthy."""

    def judge(one: Attachment) -> Verdict:
        targets = _targets(target_health, one)
        startup = grace_period.measure(service, one, targets, running_tasks, recently_stopped_tasks, now)
        healthy = any(t.state == "healthy" for t in targets)
        return grace_period.is_enough(service, one, startup, healthy, target.alb.min_grace_s)

    own = [a for a in attachments if not a.alternate]
    verdict = together(Each.over(own, judge), f"{service.service} is in no target group")
    assert verdict, verdict.explain()


# -- errors that clients got --------------------------------------------------------------------------------------


def _made_by_balancers(
    metrics: Sequence[str], traffic: Each[str, Traffic], deployments: Spans, limits: Limits
) -> Verdict:
    judged = traffic.map(
        lambda _, t: http_errors.made_by_balancer(t.load_balancer, t.counts, metrics, limits, t.groups, deployments)
    )
    return together(judged, _NO_BALANCER)


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "503 counts")
@pytest.mark.caused_by(
    "check_listeners_route_to_service",
    "check_service_has_targets",
    "check_targets_are_healthy",
    "check_service_is_stable",
    "check_no_tasks_stop",
)
def check_load_balancer_makes_no_503(
    balancer_traffic: Each[str, Traffic], deployments: Spans, target: Settings
) -> None:
    """The load balancer did not answer 503 by itself to a notable share of requests (CloudWatch)."""
    verdict = _made_by_balancers(http_errors.ELB_503, balancer_traffic, deployments, _limits(target))
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "502 and 504")
@pytest.mark.caused_by(
    "check_targets_are_healthy",
    "check_ports_agree",
    "check_load_balancer_reaches_tasks",
    "check_no_tasks_stop",
    "check_service_is_stable",
)
def check_load_balancer_gets_answers(
    balancer_traffic: Each[str, Traffic], deployments: Spans, target: Settings
) -> None:
    """Targets answered the load balancer: it did not have to send 502 or 504 to a notable share of requests."""
    verdict = _made_by_balancers(http_errors.ELB_BAD_GATEWAY, balancer_traffic, deployments, _limits(target))
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "503 counts")
@pytest.mark.caused_by(
    "check_api_answers_without_errors",
    "check_no_database_errors_in_logs",
    "check_no_stack_traces",
    "check_database_is_available",
)
def check_targets_answer_without_errors(
    service: Service,
    attachments: tuple[Attachment, ...],
    alb_counts: Each[str, Counts],
    now: dt.datetime,
    target: Settings,
) -> None:
    """Each service's targets did not answer 5xx themselves to a notable share of requests (CloudWatch)."""
    limits = _limits(target)

    def judge(arn: str) -> Verdict:
        return response_errors.few_server_errors(service, arn, alb_counts.of(arn), now, limits.least, limits.percent)

    judged = Each.over([a.group_arn for a in attachments if a.group_arn in alb_counts], judge)
    verdict = together(judged, f"{service.service} is behind no Application Load Balancer")
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("access logs of the load balancer")
@pytest.mark.guide("alb", "access logs")
def check_access_logs_are_on(
    application_balancers: Balancers, access_log_settings: Each[str, AccessLogSettings]
) -> None:
    """The load balancer writes access logs, so that a 503 can be looked at afterwards."""
    judged = application_balancers.map(lambda arn, b: access_log.are_on(b, access_log_settings.of(arn)))
    verdict = together(judged, _NO_BALANCER)
    assert verdict, verdict.explain()


def _logged(
    maker: access_log.Maker,
    balancers: Balancers,
    access_logs: Each[str, AccessLog],
    alb_counts: Each[str, Counts],
    names: Mapping[str, str],
    deployments: Spans,
    limits: Limits,
) -> Verdict:
    def judge(arn: str, balancer: LoadBalancer) -> Verdict:
        log = access_logs.of(arn)
        if log.objects == 0:
            _nothing_logged(balancer, log, alb_counts)
        verdict = access_log.no_spike(balancer, log, maker, limits, names, deployments)
        if verdict:
            _readable(log)
        return verdict

    return together(balancers.map(judge), _NO_BALANCER)


def _nothing_logged(balancer: LoadBalancer, log: AccessLog, alb_counts: Each[str, Counts]) -> None:
    """Without requests there are no files; with requests they may be late, or the bucket refuses them."""
    requests = alb_counts.of(balancer.arn).total("RequestCount", *http_errors.ELB_503)
    if not requests:
        raise NotApplicable(f"{balancer.name} had no requests in the window, so it wrote no access log")
    raise Unavailable(
        "s3:ListObjectsV2",
        "incomplete",
        f"no log file of the window under {log.place}, although there were {requests:.0f} requests: files come up to "
        "minutes late, or the bucket's policy refuses them",
    )


def _readable(log: AccessLog) -> None:
    """What was not read cannot have been found to be in order."""
    if log.unread:
        raise Unavailable(
            "s3:GetObject",
            "incomplete",
            f"no spike since {log.read_from_at:%H:%M} UTC, but {log.unread} older files of the window were left out: "
            "raise alb.access_log_mib, or shorten window_min",
        )
    if log.malformed > log.requests:
        raise Unavailable("s3:GetObject", "incomplete", f"{log.malformed} lines under {log.place} are no log entries")


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "access logs")
@pytest.mark.caused_by(
    "check_listeners_route_to_service",
    "check_service_has_targets",
    "check_targets_are_healthy",
    "check_load_balancer_makes_no_503",
    "check_service_kept_a_healthy_target",
    "check_no_tasks_stop",
)
def check_access_log_has_no_503_by_load_balancer(
    application_balancers: Balancers,
    access_logs: Each[str, AccessLog],
    alb_counts: Each[str, Counts],
    group_names: Mapping[str, str],
    deployments: Spans,
    target: Settings,
) -> None:
    """The access log shows no spike of 503s that the load balancer made."""
    given = (application_balancers, access_logs, alb_counts, group_names, deployments, _limits(target))
    verdict = _logged("load balancer", *given)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("alb", "access logs")
@pytest.mark.caused_by(
    "check_targets_answer_without_errors",
    "check_api_answers_without_errors",
    "check_no_database_errors_in_logs",
    "check_no_stack_traces",
    "check_database_is_available",
)
def check_access_log_has_no_503_by_targets(
    application_balancers: Balancers,
    access_logs: Each[str, AccessLog],
    alb_counts: Each[str, Counts],
    group_names: Mapping[str, str],
    deployments: Spans,
    target: Settings,
) -> None:
    """The access log shows no spike of 503s that the targets, i.e. the application, answered."""
    given = (application_balancers, access_logs, alb_counts, group_names, deployments, _limits(target))
    verdict = _logged("target", *given)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("high")
@pytest.mark.guide("alb", "health endpoint unreachable")
@pytest.mark.caused_by(
    "check_listeners_route_to_service",
    "check_load_balancer_is_active",
    "check_load_balancer_admits_clients",
    "check_service_has_targets",
    "check_targets_are_healthy",
    "check_load_balancer_reaches_tasks",
    "check_no_tasks_stop",
)
def check_health_endpoint_answers(
    service: Service,
    attachments: tuple[Attachment, ...],
    routing: Each[str, Routing],
    health_probes: Each[str, tuple[ProbeAnswer, ...]],
    health_path: str,
) -> None:
    """The health path answers through the load balancer, asked from where this suite runs."""
    _wanted(service)
    groups = [a.group for a in attachments if a.group is not None]
    arns = dict.fromkeys(arn for g in groups for arn in g.load_balancers if arn in health_probes)
    told: list[str] = []
    verdicts: list[Verdict] = []
    for arn in arns:
        asked = [p for p in health_probes.of(arn) if p.path == health_path]
        found = health_probe.relevant(routing.of(arn), asked, attachments)
        if isinstance(found, str):
            told.append(found)
            continue
        answer, outcome = found
        _connected(answer, routing.of(arn).load_balancer)
        verdicts.append(health_probe.answers(service, routing.of(arn), answer, outcome, groups[0].health_check.matcher))
    if not verdicts:
        reason = told[0] if told else "it is behind no Application Load Balancer"
        raise NotApplicable(
            f"{health_path} does not lead to {service.service}: {reason}; its targets' health tells instead"
        )
    verdict = worst(tuple(verdicts), otherwise=verdicts[0])
    assert verdict, verdict.explain()


def _connected(answer: ProbeAnswer, balancer: LoadBalancer) -> None:
    """Not getting there from here says nothing about who does get there."""
    if not answer.error:
        return
    if balancer.internal:
        raise NotApplicable(f"{balancer.name} is internal and cannot be reached from here ({answer.error})")
    raise Unavailable(f"GET {answer.url}", "unreachable", f"from where this suite runs: {answer.error}")
