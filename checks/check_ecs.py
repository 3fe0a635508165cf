"""Tasks keep restarting. PYTEST_DONT_REWRITE: a failed assertion carries its Verdict as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from checks.diagnosis import (
    environment,
    images,
    log_signatures,
    platforms,
    revisions,
    rollouts,
    secret_references,
    service_events,
    service_state,
    silence,
    start_permissions,
    stopped_tasks,
    terraform_services,
    workflow_run,
)
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.model.ecs import (
    CodeDeployGroup,
    LatestRevision,
    MissingService,
    Service,
    ServiceDeployment,
    Task,
    TaskDefinition,
)
from fixtures.model.github import Release
from fixtures.model.images import ContainerImage
from fixtures.model.logs import ServiceLogs
from fixtures.model.permissions import EncryptionKey, Permission, RoleTrust
from fixtures.model.platforms import ImagePlatforms
from fixtures.model.secrets import StoredSecret
from fixtures.model.terraform import Attempt, Source
from fixtures.references import SecretAddress
from fixtures.target import Target

pytestmark = pytest.mark.ecs

SecretKey = tuple[str, str, str, str]


def _wanted(service: Service) -> None:
    if service.desired == 0 and service.scheduling == "REPLICA":
        raise NotApplicable(f"{service.service} is scaled to zero")


def _on_fargate(service: Service) -> bool:
    """A service with a capacity provider strategy has no launch type, but on Fargate it has a platform version."""
    return service.launch_type == "FARGATE" or bool(service.platform_version)


def _has_secrets(definition: TaskDefinition) -> None:
    if not any(c.secrets for c in definition.containers):
        raise NotApplicable(f"{definition.short} takes no secrets")


def _essential(definition: TaskDefinition) -> tuple[str, ...]:
    return tuple(c.name for c in definition.containers if c.essential)


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "service events")
def check_service_exists(services: Service | MissingService, service_name: str) -> None:
    """Each service exists in the cluster."""
    verdict = service_state.exists(services)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "tasks stop after launch")
@pytest.mark.caused_by(
    "check_no_tasks_stop",
    "check_rollout_succeeded",
    "check_secrets_resolve",
    "check_execution_role_reads_secrets",
    "check_image_exists",
    "check_targets_are_healthy",
)
def check_service_is_stable(service: Service, seen_tasks: tuple[Task, ...], now: dt.datetime, target: Target) -> None:
    """Each service runs as many tasks as it should, and its deployment has settled."""
    _wanted(service)
    verdict = service_state.is_stable(service, now, target.ecs.settle_min, seen_tasks)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "service events")
@pytest.mark.caused_by(
    "check_no_tasks_stop",
    "check_rollout_succeeded",
    "check_secrets_resolve",
    "check_image_exists",
    "check_targets_are_healthy",
    "check_load_balancer_reaches_tasks",
)
def check_service_events_are_quiet(service: Service, now: dt.datetime, target: Target) -> None:
    """Since a service last reached a steady state, its events complain of nothing."""
    _wanted(service)
    settling = service_state.is_settling(service, now, target.ecs.settle_min)
    verdict = service_events.judge(service, now, target.window_min, settling=settling)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "essential container exited")
@pytest.mark.caused_by(
    "check_secrets_resolve",
    "check_execution_role_reads_secrets",
    "check_execution_role_decrypts_secrets",
    "check_execution_role_starts_tasks",
    "check_roles_trust_tasks",
    "check_image_exists",
    "check_image_fits_platform",
    "check_log_groups_exist",
    "check_environment_is_complete",
    "check_load_balancer_reaches_tasks",
    "check_ports_agree",
    "check_grace_period_is_enough",
    "check_targets_are_healthy",
    "check_no_stack_traces",
)
def check_no_tasks_stop(
    service: Service,
    recently_stopped_tasks: tuple[Task, ...],
    task_definition: TaskDefinition,
    now: dt.datetime,
    target: Target,
) -> None:
    """No tasks of the present deployment stop for a reason that is a fault."""
    _wanted(service)
    verdict = stopped_tasks.judge(
        service,
        recently_stopped_tasks,
        now,
        window_min=target.window_min,
        loop_stops=target.ecs.crash_loop_stops,
        essential=_essential(task_definition),
    )
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "service events")
@pytest.mark.caused_by(
    "check_no_tasks_stop", "check_secrets_resolve", "check_image_exists", "check_targets_are_healthy"
)
def check_rollout_succeeded(
    service: Service,
    service_deployments: tuple[ServiceDeployment, ...],
    codedeploy_group: CodeDeployGroup | None,
    now: dt.datetime,
    target: Target,
) -> None:
    """The newest deployment of each service neither failed nor was quietly rolled back."""
    if codedeploy_group is not None:
        verdict = rollouts.by_codedeploy(service, codedeploy_group, now, target.window_min)
    else:
        verdict = rollouts.judge(service, service_deployments, now, target.window_min)
    assert verdict, verdict.explain()


@pytest.mark.severity("low")
@pytest.mark.guide("ecs", "circuit breaker")
def check_circuit_breaker_is_on(service: Service, codedeploy_group: CodeDeployGroup | None) -> None:
    """A deployment that fails is stopped and rolled back by itself: by ECS's circuit breaker, or by CodeDeploy."""
    if codedeploy_group is not None:
        verdict = rollouts.rolls_back(service, codedeploy_group)
        assert verdict, verdict.explain()
        return
    if service.controller != "ECS":
        raise NotApplicable(f"deployments by {service.controller} have no circuit breaker")
    if service.strategy != "ROLLING":
        raise NotApplicable(f"{service.strategy} deployments bring their own rollback")
    verdict = rollouts.has_circuit_breaker(service)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "stack traces in logs")
@pytest.mark.caused_by(
    "check_no_database_errors_in_logs",
    "check_environment_is_complete",
    "check_database_admits_tasks",
    "check_database_is_available",
    "check_database_credentials_agree",
)
def check_no_stack_traces(
    service: Service, log_events: ServiceLogs, seen_tasks: tuple[Task, ...], running_tasks: tuple[Task, ...]
) -> None:
    """The logs of each service have no stack traces or fatal errors since the present deployment."""
    since = service_state.deployed_at(service)
    own = log_events.without(service_state.superseded(service, seen_tasks))
    verdict = log_signatures.judge(service, own, since, running_tasks)
    if verdict:
        silence.must_prove(log_events, since)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.self_audit("container logs")
@pytest.mark.guide("ecs", "stack traces in logs")
def check_log_groups_exist(service: Service, log_events: ServiceLogs, task_definition: TaskDefinition) -> None:
    """The log groups that each task definition names exist."""
    made_by_ecs = {c.log_group for c in task_definition.containers if c.log_group_created}
    verdict = log_signatures.group_exists(service, log_events, made_by_ecs)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.guide("ecs", "environment and secrets")
def check_environment_is_complete(
    service: Service, task_definition: TaskDefinition, seen_tasks: tuple[Task, ...], now: dt.datetime, target: Target
) -> None:
    """No environment variable is empty, unexpanded or missing."""
    settings = target.settings_of(service.name)
    linked = next((link.container for link in service.load_balancers), "")
    serving = settings.container or linked or task_definition.containers[0].name
    serves = service_state.serves(service, task_definition, now, target.ecs.settle_min, seen_tasks)
    verdict = environment.judge(service, task_definition, settings.required_environment, serving, serves)
    container = task_definition.container(serving)
    if verdict and container is not None and container.environment_files:
        unset = environment.unset(container, settings.required_environment)
        if unset:
            detail = f"{', '.join(unset)} may be set in {', '.join(container.environment_files)}"
            raise Unavailable("reading environment files", "unsupported", detail)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("ecs", "environment and secrets")
def check_no_plain_secrets_in_environment(service: Service, task_definition: TaskDefinition) -> None:
    """No secret stands in plain text in a task definition."""
    verdict = environment.plain_secrets(service, task_definition)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("secret")
@pytest.mark.guide("ecs", "environment and secrets")
@pytest.mark.caused_by("check_database_secret_is_valid")
def check_secrets_resolve(
    service: Service,
    task_definition: TaskDefinition,
    stored_secrets: Each[SecretKey, StoredSecret],
    stored_parameters: Each[SecretKey, StoredSecret],
) -> None:
    """Every secret that a task definition refers to exists, with the key and version that it names."""
    _has_secrets(task_definition)

    def find(address: SecretAddress) -> StoredSecret:
        return (stored_secrets if address.source == "secretsmanager" else stored_parameters).of(address.key)

    verdict = secret_references.judge(service, task_definition, find)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.points_to("permission")
@pytest.mark.guide("ecs", "environment and secrets")
def check_execution_role_reads_secrets(
    service: Service, task_definition: TaskDefinition, secret_permissions: Mapping[tuple[str, str], str]
) -> None:
    """The execution role may read every secret that its task definition refers to."""
    _has_secrets(task_definition)
    verdict = secret_references.may_read(service, task_definition, secret_permissions)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "execution role")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_execution_role_starts_tasks(
    service: Service, task_definition: TaskDefinition, start_decisions: tuple[Permission, ...]
) -> None:
    """The execution role may pull the images and write the logs that its task definition names."""
    if not start_decisions:
        raise NotApplicable(f"{task_definition.short} neither pulls from ECR nor logs to CloudWatch")
    if not _on_fargate(service) and not task_definition.execution_role:
        raise NotApplicable(f"{task_definition.short} has no execution role: the instances' role pulls and logs")
    verdict = start_permissions.may_start(service, task_definition, start_decisions)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "execution role")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_roles_trust_tasks(
    service: Service, task_definition: TaskDefinition, role_trusts: tuple[RoleTrust, ...]
) -> None:
    """The roles that a task definition names exist, and let ECS tasks assume them."""
    if not role_trusts:
        raise NotApplicable(f"{task_definition.short} has neither an execution role nor a task role")
    verdict = start_permissions.trusted(service, task_definition, role_trusts)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.points_to("permission", "secret")
@pytest.mark.guide("ecs", "execution role")
@pytest.mark.caused_by("check_terraform_has_no_drift", "check_no_console_changes")
def check_execution_role_decrypts_secrets(
    service: Service, task_definition: TaskDefinition, secret_keys: tuple[EncryptionKey, ...]
) -> None:
    """The execution role may decrypt secrets that are encrypted with a key of one's own."""
    _has_secrets(task_definition)
    if not secret_keys:
        raise NotApplicable(f"the secrets of {task_definition.short} are encrypted with AWS's own key")
    verdict = start_permissions.may_decrypt(service, task_definition, secret_keys)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("image")
@pytest.mark.guide("ecs", "images in the registry")
def check_image_exists(
    service: Service, task_definition: TaskDefinition, container_images: tuple[ContainerImage, ...]
) -> None:
    """Every image of the running revision is in its repository."""
    if not container_images:
        raise NotApplicable(f"no image of {task_definition.short} comes from ECR")
    verdict = images.judge(service, task_definition, container_images)
    assert verdict, verdict.explain()


@pytest.mark.smoke
@pytest.mark.severity("critical")
@pytest.mark.points_to("image", "crash")
@pytest.mark.guide("ecs", "image platform")
@pytest.mark.caused_by("check_image_exists")
def check_image_fits_platform(
    service: Service, task_definition: TaskDefinition, image_platforms: tuple[ImagePlatforms, ...]
) -> None:
    """Every image was built for the CPU architecture and system that its task definition asks for."""
    if not _on_fargate(service):
        raise NotApplicable(f"{service.service} runs on instances, whose architecture is not its task definition's")
    if not any(i.platforms or i.runs for i in image_platforms):
        raise NotApplicable(f"no image of {task_definition.short} in ECR says for which platform it is")
    verdict = platforms.fit(service, task_definition, image_platforms)
    assert verdict, verdict.explain()


@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "image scans")
def check_running_images_have_no_grave_findings(
    service: Service, scan_findings: Mapping[str, Mapping[str, Any]], target: Target
) -> None:
    """The images that run have no findings of the severities that the target does not accept."""
    waiting = images.unscanned(scan_findings)
    if waiting:
        raise Unavailable("ecr:DescribeImageScanFindings", "incomplete", f"no finished scan of {waiting}")
    scans = images.scannable(scan_findings)
    if not scans:
        raise NotApplicable(f"ECR scans none of the images that {service.service} runs")
    verdict = images.judge_scan(service, scans, target.ecs.fail_on_scan_severities)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("ecs", "images in the registry")
@pytest.mark.caused_by("check_rollout_succeeded", "check_last_build_succeeded")
def check_last_deployed_commit_runs(service: Service, release: Release) -> None:
    """Each service runs the image of the commit that the deploy workflow last deployed."""
    verdict = workflow_run.deployed(service, release)
    assert verdict, verdict.explain()


@pytest.mark.severity("medium")
@pytest.mark.guide("ecs", "newest revision")
@pytest.mark.caused_by("check_rollout_succeeded", "check_terraform_code_is_applied")
def check_service_runs_newest_revision(
    service: Service,
    task_definition: TaskDefinition,
    latest_revision: LatestRevision | None,
    terraform_source_attempt: Attempt[Source],
    now: dt.datetime,
    target: Target,
) -> None:
    """Each service runs the newest revision of its task definition, or one that says the same."""
    if service.controller == "EXTERNAL":
        raise NotApplicable(f"{service.service} is deployed by an external controller")
    source = terraform_source_attempt.got
    block = terraform_services.block_of(service, source.resources) if source else None
    before = now - dt.timedelta(minutes=target.ecs.settle_min)
    verdict = revisions.judge(service, task_definition, latest_revision, block, settled_before=before)
    assert verdict, verdict.explain()
