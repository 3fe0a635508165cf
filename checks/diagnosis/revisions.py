"""Whether a service runs the newest revision of its task definition, and who is going to change that.

A newer revision that nobody deployed waits: its settings come with the next deployment, whoever makes it. Where
Terraform's code gives the service a revision and does not ignore changes of it, that is the next apply.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from checks.diagnosis.terraform_services import ignores
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import ContainerDefinition, LatestRevision, Service, TaskDefinition
from fixtures.model.terraform import Resource


def differences(old: TaskDefinition, new: TaskDefinition) -> tuple[str, ...]:
    """What a deployment of a newer revision would change, a clause each; values of variables are not repeated."""
    whole = (
        ("cpu", old.cpu_units, new.cpu_units),
        ("memory", old.memory_mib, new.memory_mib),
        ("execution role", old.execution_role, new.execution_role),
        ("task role", old.task_role, new.task_role),
        ("CPU architecture", old.cpu_architecture, new.cpu_architecture),
        ("network mode", old.network_mode, new.network_mode),
    )
    names = tuple(dict.fromkeys(c.name for d in (old, new) for c in d.containers))
    return (
        *(f"{what}: {before or 'none'} → {after or 'none'}" for what, before, after in whole if before != after),
        *(line for name in names for line in _container(name, old.container(name), new.container(name))),
    )


def _container(name: str, old: ContainerDefinition | None, new: ContainerDefinition | None) -> Iterator[str]:
    if old is None or new is None:
        yield f"container {name} is {'new' if old is None else 'gone'}"
        return
    if old.image != new.image:
        yield f"{name} runs {_short(old.image)} → {_short(new.image)}"
    for variable in sorted({*old.environment, *new.environment}):
        if old.environment.get(variable) != new.environment.get(variable):
            yield f"{name}: {variable} {_how(variable, old.environment, new.environment)}"
    if old.secrets != new.secrets:
        yield f"{name}: its secrets differ"
    if old.ports != new.ports:
        yield f"{name}: ports {old.ports} → {new.ports}"
    if (old.log_driver, old.log_group) != (new.log_driver, new.log_group):
        yield f"{name}: logs to {old.log_group or old.log_driver} → {new.log_group or new.log_driver}"


def _short(image: str) -> str:
    return image.rpartition("/")[2]


def _how(variable: str, old: object, new: object) -> str:
    if variable not in old:  # type: ignore[operator]
        return "is added"
    return "is removed" if variable not in new else "differs"  # type: ignore[operator]


def judge(
    service: Service,
    running: TaskDefinition,
    latest: LatestRevision | None,
    block: Resource | None,
    *,
    settled_before: dt.datetime,
) -> Verdict:
    """The service runs the newest revision of its family, or one that says the same.

    Args:
        latest: the newest ACTIVE revision, None where the family has none.
        block: the service's block in Terraform's code, where there is one.
        settled_before: a revision that is younger may still be on its way into a deployment.
    """
    if running.status not in ("ACTIVE", ""):
        return _verdict(service, running, latest, block, f"it runs {running.short}, which is {running.status}", ())
    if latest is None or latest.definition.revision <= running.revision:
        return _verdict(service, running, latest, block, "", ())
    differing = differences(running, latest.definition)
    young = latest.registered_at is not None and latest.registered_at > settled_before
    deploying = any(d.task_definition == latest.definition.arn for d in service.deployments if d.status != "INACTIVE")
    if not differing or young or deploying:
        return _verdict(service, running, latest, block, "", differing)
    when = f" since {latest.registered_at:%Y-%m-%d %H:%M} UTC" if latest.registered_at else ""
    by = f" (registered by {latest.registered_by.rpartition('/')[2]})" if latest.registered_by else ""
    observed = f"it runs {running.short}, while {latest.definition.short}{by} waits{when}: {differing[0]}"
    return _verdict(service, running, latest, block, observed, differing)


def _verdict(
    service: Service,
    running: TaskDefinition,
    latest: LatestRevision | None,
    block: Resource | None,
    observed: str,
    differing: tuple[str, ...],
) -> Verdict:
    return Verdict(
        ok=not observed,
        resource=service.arn,
        name=service.service,
        observed=observed or f"it runs {running.short}, and nothing newer differs from it",
        expected=f"the newest active revision of {running.family}",
        evidence=differing if observed else (),
        related=(*service.related, running.arn),
        signs=("configuration",),
        likely_cause=_cause(block) if observed else "",
        names={
            "service": service.service,
            "cluster": service.cluster,
            "family": running.family,
            "newest": latest.definition.short if latest else "",
        },
        locations=(block.location,) if observed and block is not None and block.location else (),
    )


def _cause(block: Resource | None) -> str:
    if block is None:
        return "a revision was registered and never deployed: the next deployment brings more than it seems to"
    if ignores(block, "task_definition"):
        return f"{block.address} leaves the revision to deployments, and none was made since"
    return f"{block.address} sets task_definition: the next apply replaces what deployments brought"
