from __future__ import annotations

import pytest

from checks.diagnosis.ports import agree
from fixtures.model.alb import Attachment, Target
from fixtures.model.ecs import ContainerDefinition, TaskDefinition
from tests.diagnosis.balancers import attachment, group, service, target


def definition(*ports: int, mode: str = "awsvpc", name: str = "app", **environment: str) -> TaskDefinition:
    container = ContainerDefinition(name, "i", True, ports, environment, (), "awslogs", "/g", "r", "ecs", False, False)
    return TaskDefinition("arn:td:1", "td", 1, "ACTIVE", (container,), 512, 1024, "", "", "X86_64", "LINUX", mode)


BAD = target("unhealthy", "Target.FailedHealthChecks")


@pytest.mark.parametrize(
    ("attached", "task_definition", "targets", "said"),
    [
        (attachment(), definition(8000), [target()], ""),
        (attachment(), definition(9000, 8000), [], ""),
        (attachment(group=group(port=80)), definition(8000), [target()], ""),
        (attachment(port=8001), definition(8000), [], "registers port 8001, but app declares 8000"),
        (attachment(), definition(), [target()], "declares none"),
        (attachment(container="api"), definition(8000), [], "has only app"),
        (attachment(group=group(target_type="instance")), definition(8000), [], "awsvpc tasks need ip"),
        (attachment(group=group(target_type="instance")), definition(8000, mode="bridge"), [target(port=32768)], ""),
        (attachment(), definition(8000), [target(port=80)], "registered on port 80 instead of 8000"),
        # Another service's in the same group, or the old task of a deployment that changes the port.
        (attachment(), definition(8000), [target(), target(ip="10.0.12.9", port=3000)], ""),
        (attachment(), definition(8000), [target("draining", port=80), target()], ""),
        (attachment(), definition(8000, PORT="8080"), [BAD], "is told PORT=8080"),
        (attachment(), definition(8000, PORT="8080"), [target()], ""),
        (attachment(), definition(8000, PORT="8000", APP_PORT="9"), [BAD], ""),
        (attachment(), definition(8000, PORT="http"), [BAD], ""),
        (attachment(group=group(health_port="9090")), definition(8000), [BAD], "health check asks port 9090"),
        (attachment(group=group(health_port="9090")), definition(8000, 9090), [BAD], ""),
        (attachment(group=group(health_port="9090")), definition(8000), [target()], ""),
        (attachment(group=None), definition(8000), [], ""),
    ],
)
def test_the_chain_of_ports(
    attached: Attachment, task_definition: TaskDefinition, targets: list[Target], said: str
) -> None:
    verdict = agree(service(), attached, task_definition, targets)

    assert bool(verdict) is (said == ""), verdict
    assert said in verdict.observed


def test_all_that_is_wrong_is_said_at_once() -> None:
    verdict = agree(service(), attachment(port=8001), definition(8000, PORT="8080"), [BAD])

    assert verdict.observed.count(";") == 2
    assert "the service registers app:8001 in api" in verdict.evidence
