"""Services cannot connect to the database. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import pytest

from checks.diagnosis import (
    admission,
    connection_errors,
    connections,
    credentials,
    database_status,
    encryption,
    exec_probe,
    network_acls,
    response_errors,
    routing,
    service_state,
    silence,
)
from checks.diagnosis.verdict import Verdict, worst
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.database import (
    ConnectionCount,
    Database,
    DatabaseEvent,
    DatabaseLink,
    DatabaseParameters,
    DatabaseRouting,
    ExecReadiness,
    Hop,
    MissingDatabase,
    ProbeResult,
)
from fixtures.model.ecs import Service, Task, TaskDefinition
from fixtures.model.logs import ServiceLogs
from fixtures.model.metrics import Counts
from fixtures.model.network import NetworkAcl, SecurityGroup, Subnet
from fixtures.model.secrets import StoredSecret
from fixtures.references import secret_address
from fixtures.target import Target

pytestmark = pytest.mark.database

Databases = Mapping[str, Database]
Groups = Mapping[str, SecurityGroup]
PrefixLists = Each[str, tuple[str, ...]]


def _entries(lists: PrefixLists) -> Callable[[str], Sequence[str]]:
    """Reads a prefix list; one that nobody looked for has no entries."""
    return lambda one: lists.get(one, ())


def _asleep(database: Database, target: Target, now: dt.datetime) -> str:
    """Why a database may be stopped now, or ""."""
    schedule = target.database.stopped_schedule
    resting = database.status in ("stopped", "stopping", "starting")
    if not schedule or not resting or not database_status.may_be_stopped(schedule, now):
        return ""
    return f"{database.identifier} is {database.status}, as it may be {schedule} UTC (database.stopped_schedule)"


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("dns", "network", "refused")
@pytest.mark.guide("database", "rds status")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_database_exists(database_links: DatabaseLink | MissingDatabase, service_name: str) -> None:
    """The database that each service is told to use is there."""
    verdict = database_status.exists(database_links)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("refused", "network", "dns", "storage")
@pytest.mark.guide("database", "rds status")
@pytest.mark.caused_by("check_database_has_room")
def check_database_is_available(
    databases: Databases, database_events: tuple[DatabaseEvent, ...], target: Target, now: dt.datetime
) -> None:
    """Every database that a service uses is in a status in which it answers."""
    asleep = [_asleep(d, target, now) for d in databases.values()]
    if all(asleep):
        raise NotApplicable("; ".join(asleep))
    awake = [d for d, sleeps in zip(databases.values(), asleep, strict=True) if not sleeps]
    verdicts = tuple(database_status.is_available(d, database_events) for d in awake)
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("database", "rds proxy")
@pytest.mark.caused_by("check_database_is_available", "check_database_admits_tasks", "check_database_secret_is_valid")
def check_database_proxy_reaches_database(database_link: DatabaseLink, service: Service) -> None:
    """An RDS Proxy between tasks and database is available and reaches it."""
    verdicts = tuple(database_status.proxy_serves(e.proxy) for e in database_link.ends if e.proxy)
    if not verdicts:
        raise NotApplicable(f"{service.service} connects to {database_link.database.identifier} without an RDS Proxy")
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("network")
@pytest.mark.guide("database", "security groups")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_database_admits_tasks(
    service: Service,
    database_hops: tuple[Hop, ...],
    database_security_groups: Groups,
    database_prefix_lists: PrefixLists,
) -> None:
    """The security groups of the database (and of a proxy before it) admit each service's tasks on its port."""
    verdicts = tuple(
        admission.judge(
            hop.destination.security_groups,
            database_security_groups,
            hop.destination,
            hop.source,
            hop.port,
            prefix_lists=_entries(database_prefix_lists),
        )
        for hop in database_hops
    )
    verdict = worst(verdicts, otherwise=verdicts[-1])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("network")
@pytest.mark.guide("database", "security groups")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_tasks_may_reach_database(
    service: Service,
    database_hops: tuple[Hop, ...],
    database_security_groups: Groups,
    task_prefix_lists: PrefixLists,
    database_prefix_lists: PrefixLists,
) -> None:
    """The security groups of each service's tasks (and of a proxy) let connections out to the database."""
    first = database_hops[0].source.id
    verdicts = tuple(
        admission.leaves(
            hop.source,
            database_security_groups,
            hop.destination,
            hop.port,
            prefix_lists=_entries(task_prefix_lists if hop.source.id == first else database_prefix_lists),
        )
        for hop in database_hops
    )
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("network")
@pytest.mark.guide("database", "network acls and routes")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_network_acls_pass_database_traffic(
    service: Service,
    database_hops: tuple[Hop, ...],
    database_network_acls: tuple[NetworkAcl, ...],
    database_subnets: Mapping[str, Subnet],
    task_definition: TaskDefinition,
) -> None:
    """The network ACLs between tasks and database let connections through, and their answers back."""
    unknown = network_acls.missing(database_hops, database_network_acls)
    if unknown:
        raise Unavailable(
            "ec2:DescribeNetworkAcls", "incomplete", f"no ACL of {', '.join(unknown)} can be seen from this account"
        )
    system = task_definition.operating_system
    verdict = network_acls.passes(database_hops, database_network_acls, database_subnets, system)
    assert verdict, verdict.explain()


@pytest.mark.severity("critical")
@pytest.mark.points_to("network")
@pytest.mark.guide("database", "network acls and routes")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_database_is_routable(
    service: Service, database_hops: tuple[Hop, ...], database_routing: DatabaseRouting
) -> None:
    """Tasks and database are in one VPC, or in VPCs with routes both ways."""
    verdict = routing.reaches(database_hops, database_routing)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("database", "security groups")
def check_database_is_not_exposed(
    databases: Databases, database_security_groups: Groups, database_prefix_lists: PrefixLists
) -> None:
    """No database port is open to the whole internet."""
    found = tuple(
        admission.exposure(d, database_security_groups, prefix_lists=_entries(database_prefix_lists))
        for d in databases.values()
        if d.vpc_networking
    )
    if not found:
        raise NotApplicable("no database is in a VPC")
    verdict = worst(found, otherwise=found[0])
    assert verdict, verdict.explain()


def _logs_in_as_master(link: DatabaseLink, target: Target) -> bool:
    return bool(target.database.secret_is_master)


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("database", "credentials")
@pytest.mark.caused_by("check_environment_is_complete", "check_database_exists")
def check_database_settings_agree(service: Service, database_link: DatabaseLink, target: Target) -> None:
    """Host, port, name and user in each task definition are those of the database."""
    said = database_link.settings
    if not (said.hosts or said.ports or said.names or said.users):
        raise NotApplicable(f"{service.service} has all about its database from a secret")
    verdict = credentials.settings_agree(database_link, _logs_in_as_master(database_link, target))
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("authentication", "secret")
@pytest.mark.guide("database", "credentials")
def check_database_secret_is_valid(
    service: Service, database_secrets: tuple[StoredSecret, ...], task_definition: TaskDefinition
) -> None:
    """The secret with which each service logs in exists, is not being deleted and holds a password."""
    addresses = [secret_address(s.value_from) for c in task_definition.containers for s in c.secrets]
    verdicts = tuple(
        credentials.secret_valid(s, service.name, [a.json_key for a in addresses if a.id == s.reference])
        for s in database_secrets
    )
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("authentication")
@pytest.mark.guide("database", "credentials")
@pytest.mark.caused_by("check_database_secret_is_valid", "check_database_settings_agree")
def check_database_credentials_agree(
    service: Service, database_link: DatabaseLink, database_secrets: tuple[StoredSecret, ...], target: Target
) -> None:
    """What each service's secret says besides the password agrees with the database and with the task's variables."""
    told = [s for s in database_secrets if s.public]
    if not told:
        raise NotApplicable(f"the secrets of {service.service} hold nothing that could be compared without a login")
    verdicts = tuple(
        credentials.secret_agrees(
            s,
            database_link,
            credentials.is_master_secret(s, database_link, target.database.secret_is_master),
            database_secrets,
        )
        for s in told
    )
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("authentication", "secret")
@pytest.mark.guide("database", "credentials")
def check_tasks_are_newer_than_secret(
    service: Service,
    running_tasks: tuple[Task, ...],
    database_secrets: tuple[StoredSecret, ...],
    database_link: DatabaseLink,
    logs_of_services: Each[str, ServiceLogs],
    now: dt.datetime,
    target: Target,
) -> None:
    """Each running task started after its database secret last changed: until then it holds the old password."""
    # What a task reads for itself while it runs does not grow old in it. Tasks of earlier deployments are being
    # replaced, which is just what mends it.
    given = {key[1] for key in database_link.settings.secrets}
    used = [s for s in database_secrets if s.status == "readable" and s.reference in given]
    leaving = service_state.superseded(service, running_tasks)
    tasks = [t for t in running_tasks if t.id not in leaving]
    if not used or not tasks:
        raise NotApplicable(f"{service.service} has no task of this deployment that was given a readable secret")
    verdict = credentials.fresh(tasks, used, service, ())
    if not verdict:
        # Only now do the logs matter: with refused logins it is no longer a risk, but what is broken.
        logs = _logs(logs_of_services, service)
        since = connection_errors.current_since(service, now, target.window_min)
        lines = connection_errors.authentication_lines(logs, database_link, since) if logs else ()
        verdict = credentials.fresh(tasks, used, service, lines)
    assert verdict, verdict.explain()


def _logs(logs: Each[str, ServiceLogs], service: Service) -> ServiceLogs | None:
    """A service's logs; None where it has none that could be read at all."""
    try:
        return logs.of(service.name)
    except NotApplicable:
        return None


@pytest.mark.severity("medium")
@pytest.mark.guide("database", "credentials")
def check_database_secret_rotates(
    service: Service,
    database_link: DatabaseLink,
    database_secrets: tuple[StoredSecret, ...],
    secret_stages: Mapping[str, Mapping[str, Sequence[str]]],
    now: dt.datetime,
) -> None:
    """A rotation of the database secret that is switched on is neither overdue nor stuck."""
    stored = [s for s in database_secrets if s.source == "secretsmanager" and s.status == "readable"]
    verdicts = tuple(
        credentials.rotates(s, credentials.end_of_secret(s, database_link).database, secret_stages.get(s.arn, {}), now)
        for s in stored
    )
    if not verdicts:
        raise NotApplicable(f"{service.service} has no readable secret in Secrets Manager")
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.points_to("tls")
@pytest.mark.guide("database", "tls")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_database_encryption_agrees(
    service: Service,
    database_link: DatabaseLink,
    database_parameters: Each[str, DatabaseParameters],
    logs_of_services: Each[str, ServiceLogs],
    seen_tasks: tuple[Task, ...],
    now: dt.datetime,
    target: Target,
) -> None:
    """No service connects, or is told to connect, without TLS to a database that requires it."""
    parameters = database_parameters.of(database_link.database.arn)
    verdicts = tuple(
        credentials.encryption_agrees(database_link, database_parameters.of(end.database.arn), end)
        for end in database_link.ends
    )
    verdict = worst(verdicts, otherwise=verdicts[0])
    if verdict:
        # Most clients are told nothing in plain text: whether they use TLS, only their logs say.
        logs = _logs(logs_of_services, service)
        since = connection_errors.current_since(service, now, target.window_min)
        own = logs.without(service_state.superseded(service, seen_tasks)) if logs else None
        found = encryption.refusals(own, database_link, since) if own else encryption.Refusals()
        if not found and not database_link.settings.sslmodes and (logs is None or logs.unread):
            detail = "has logs that can be read here"
            raise NotApplicable(f"{service.service} neither says in plain text whether to use TLS nor {detail}")
        verdict = encryption.clients_agree(database_link, parameters, found) if found else verdict
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("high")
@pytest.mark.guide("database", "api errors")
@pytest.mark.caused_by(
    "check_no_database_errors_in_logs",
    "check_no_stack_traces",
    "check_targets_answer_without_errors",
    "check_targets_are_healthy",
    "check_database_is_available",
)
def check_api_answers_without_errors(
    service: Service, database_link: DatabaseLink, alb_counts: Each[str, Counts], now: dt.datetime, target: Target
) -> None:
    """The APIs that use the database do not answer 5xx to a notable share of requests."""
    counted = {arn: alb_counts.of(arn) for arn in service.every_target_group if arn in alb_counts}
    if not counted:
        raise NotApplicable(f"{service.service} is behind no Application Load Balancer")
    verdicts = tuple(
        response_errors.few_server_errors(service, arn, c, now, target.alb.spike_requests, target.alb.spike_percent)
        for arn, c in counted.items()
    )
    verdict = worst(verdicts, otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("database", "connection errors in logs")
@pytest.mark.caused_by(
    "check_database_is_available",
    "check_database_exists",
    "check_database_proxy_reaches_database",
    "check_database_admits_tasks",
    "check_tasks_may_reach_database",
    "check_network_acls_pass_database_traffic",
    "check_database_is_routable",
    "check_database_settings_agree",
    "check_database_secret_is_valid",
    "check_tasks_are_newer_than_secret",
    "check_database_credentials_agree",
    "check_database_encryption_agrees",
    "check_database_connections_are_below_limit",
    "check_environment_is_complete",
)
def check_no_database_errors_in_logs(
    service: Service,
    log_events: ServiceLogs,
    seen_tasks: tuple[Task, ...],
    database_link: DatabaseLink,
    database_events: tuple[DatabaseEvent, ...],
    now: dt.datetime,
    target: Target,
) -> None:
    """The logs of each service tell of no trouble with the database since its present deployment."""
    asleep = _asleep(database_link.database, target, now)
    if asleep:
        raise NotApplicable(asleep)
    own = log_events.without(service_state.superseded(service, seen_tasks))
    verdict = connection_errors.none_seen(service, own, database_link, database_events, now, target.window_min)
    if verdict:
        silence.must_prove(log_events, connection_errors.current_since(service, now, target.window_min))
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.points_to("connections")
@pytest.mark.guide("database", "connection limit")
def check_database_connections_are_below_limit(
    databases: Databases,
    database_connections: Each[str, tuple[ConnectionCount, ...]],
    database_parameters: Each[str, DatabaseParameters],
    target: Target,
) -> None:
    """Every database has connections to spare."""
    verdicts = []
    for arn, database in databases.items():
        parameters, counts = database_parameters.of(arn), database_connections.of(arn)
        most = connections.limit(database, parameters)
        if most and any(c.points for c in counts):
            exact = parameters.values.get("max_connections", "").isdigit()
            allowed = target.database.max_connections_percent
            verdicts.append(connections.have_room(database, counts, most, allowed, exact))
    if not verdicts:
        names = ", ".join(d.identifier for d in databases.values())
        raise NotApplicable(f"{names}: no connections were counted, or how many are admitted cannot be told")
    verdict = worst(tuple(verdicts), otherwise=verdicts[0])
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.self_audit("ECS Exec into a task")
@pytest.mark.guide("database", "connectivity from a task")
def check_task_can_be_entered(service: Service, exec_readiness: tuple[ExecReadiness, ...]) -> None:
    """ECS Exec could enter a task of each service, to test connectivity from where it matters."""
    verdict = exec_probe.possible(exec_readiness, service.service, service.arn, service.cluster)
    assert verdict, verdict.explain()


@pytest.mark.severity("critical")
@pytest.mark.guide("database", "connectivity from a task")
@pytest.mark.caused_by(
    "check_database_is_available",
    "check_database_exists",
    "check_database_admits_tasks",
    "check_tasks_may_reach_database",
    "check_network_acls_pass_database_traffic",
    "check_database_is_routable",
    "check_database_settings_agree",
)
def check_task_connects_to_database(service: Service, exec_probe: ProbeResult, database_link: DatabaseLink) -> None:
    """A TCP connection from inside a running task reaches the database (only with --exec-probe)."""
    verdict = _probed(exec_probe, service, database_link)
    assert verdict, verdict.explain()


def _probed(result: ProbeResult, service: Service, link: DatabaseLink) -> Verdict:
    verdict = exec_probe.connects(result, service.service, service.arn, link.database.arn)
    if verdict is None:
        detail = f"the image of {result.container} has neither nc, python3, node nor bash that could try it"
        raise Unavailable("connectivity from a task", "missing_tool", detail)
    return verdict
