"""Whether container, service, registration and health check mean the same port.

With network mode awsvpc each task has an address of its own, so the port is one and the same all along the way, and the
target group's own port is only a default that ECS overrides when it registers a task.
"""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.alb import Attachment, Target
from fixtures.model.ecs import ContainerDefinition, Service, TaskDefinition

# Variables that applications and frameworks take their port from.
_VARIABLES = ("PORT", "APP_PORT", "SERVER_PORT", "HTTP_PORT", "LISTEN_PORT", "WEB_PORT")


def agree(service: Service, attachment: Attachment, definition: TaskDefinition, targets: Sequence[Target]) -> Verdict:
    """Every link of the chain from the container to the target group names the same port.

    What no API shows, the socket itself, is known to be right where a target on that port is healthy: then a variable
    that says otherwise is not what the application listens on.
    """
    container = definition.container(attachment.container)
    staying = [t for t in targets if t.registered]
    proven = any(t.state == "healthy" and t.port == attachment.port for t in staying)
    wrong = [
        *_declared(attachment, definition, container),
        *_registered(attachment, definition, staying),
        *([] if proven or container is None else _contradicting(attachment, container)),
        *([] if proven else _health_check_port(attachment, definition)),
    ]
    return Verdict(
        ok=not wrong,
        resource=attachment.group_arn,
        name=service.service,
        observed="; ".join(wrong) or f"port {attachment.port} all along the way",
        expected=f"container, service, targets and health check on one port ({attachment.port})",
        evidence=_chain(attachment, definition, container, targets),
        related=(*service.related, attachment.group_arn),
        signs=("configuration", "refused", "health_check"),
        names={
            "service": service.service,
            "cluster": service.cluster,
            "revision": definition.short,
            "container": attachment.container,
            "target_group": attachment.name,
            "target_group_arn": attachment.group_arn,
            "port": str(attachment.port),
        },
    )


def _awsvpc(definition: TaskDefinition) -> bool:
    return definition.network_mode == "awsvpc"


def _declared(attachment: Attachment, definition: TaskDefinition, container: ContainerDefinition | None) -> list[str]:
    found = []
    if container is None:
        names = ", ".join(c.name for c in definition.containers)
        found.append(f"the service registers container {attachment.container}, but {definition.short} has only {names}")
    elif attachment.port not in container.ports:
        ports = ", ".join(map(str, container.ports)) or "none"
        found.append(f"the service registers port {attachment.port}, but {container.name} declares {ports}")
    kind = attachment.group.target_type if attachment.group is not None else "ip"
    if _awsvpc(definition) and kind != "ip":
        found.append(f"target group {attachment.name} takes targets of type {kind}, but awsvpc tasks need ip")
    return found


def _registered(attachment: Attachment, definition: TaskDefinition, staying: Sequence[Target]) -> list[str]:
    # In other network modes the host's port is registered, which ECS chooses. Where some are right, the others are
    # another service's in a shared group, or the old ones of a deployment that changes the port.
    other = sorted({t.port for t in staying})
    if not _awsvpc(definition) or not other or attachment.port in other:
        return []
    return [f"targets are registered on port {', '.join(map(str, other))} instead of {attachment.port}"]


def _contradicting(attachment: Attachment, container: ContainerDefinition) -> list[str]:
    given = {n: container.environment[n] for n in _VARIABLES if container.environment.get(n, "").isdigit()}
    if not given or str(attachment.port) in given.values():
        return []
    said = ", ".join(f"{n}={v}" for n, v in given.items())
    return [f"{container.name} is told {said}, but requests come on port {attachment.port}"]


def _health_check_port(attachment: Attachment, definition: TaskDefinition) -> list[str]:
    port = attachment.group.health_check.port if attachment.group is not None else ""
    known = {p for c in definition.containers for p in c.ports}
    if not port.isdigit() or not _awsvpc(definition) or int(port) in known:
        return []
    return [f"the health check asks port {port}, which no container declares"]


def _chain(
    attachment: Attachment,
    definition: TaskDefinition,
    container: ContainerDefinition | None,
    targets: Sequence[Target],
) -> tuple[str, ...]:
    group = attachment.group
    declared = ", ".join(map(str, container.ports)) if container is not None else "no such container"
    told = [f"{n}={container.environment[n]}" for n in _VARIABLES if container and n in container.environment]
    return (
        f"{definition.short} {attachment.container} declares {declared or 'no port'}",
        *((f"its environment says {', '.join(told)}",) if told else ()),
        f"the service registers {attachment.container}:{attachment.port} in {attachment.name}",
        *(f"target {t.address} is {t.state}" for t in targets),
        *((f"health check on {group.health_check.port}; the group's default port is {group.port}",) if group else ()),
    )
