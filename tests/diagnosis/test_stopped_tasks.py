from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis.stopped_tasks import classify, judge
from fixtures.model.ecs import Task
from tests.diagnosis.facts import NOW, container_state, service, stopped_task

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1"
ASM = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


def failed_to_start(reason: str) -> Task:
    return stopped_task(stop_code="TaskFailedToStart", stopped_reason=reason, container=container_state(exit_code=None))


@pytest.mark.parametrize(
    ("task", "what", "sign"),
    [
        (stopped_task(), "exit code 1", "crash"),
        (stopped_task(container=container_state(exit_code=0)), "exited by itself (exit code 0)", "crash"),
        (stopped_task(container=container_state(exit_code=77)), "exit code 77", "crash"),
        (stopped_task(container=container_state(exit_code=137)), "exit code 137 (SIGKILL)", "memory"),
        (
            stopped_task(container=container_state(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")),
            "out of memory", "memory",
        ),
        (failed_to_start(f"CannotPullContainerError: failed to resolve ref {ECR}: not found"), "image cannot be pulled", "image"),
        (failed_to_start("CannotPullContainerError: 403 Forbidden"), "image cannot be pulled", "permission"),
        (failed_to_start("CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout"), "image cannot be pulled", "network"),
        (failed_to_start("CannotPullContainerError: toomanyrequests"), "image cannot be pulled", "image"),
        (
            failed_to_start("CannotPullContainerError: image Manifest does not contain descriptor matching platform"),
            "image cannot be pulled", "image",
        ),
        (
            failed_to_start(ASM + "unable to retrieve secret from asm: AccessDeniedException: User is not authorized"),
            "secret cannot be read", "permission",
        ),
        (
            failed_to_start("ResourceInitializationError: retrieved secret from Secrets Manager did not contain json key x"),
            "secret cannot be resolved", "secret",
        ),
        (
            failed_to_start(ASM + "unable to retrieve secret from asm: context deadline exceeded"),
            "AWS cannot be reached from the task", "network",
        ),
        (
            failed_to_start("ResourceInitializationError: failed to validate logger args: create stream"),
            "logging cannot be set up", "configuration",
        ),
        (
            failed_to_start("Timeout waiting for network interface provisioning to complete."),
            "network interface cannot be attached", "network",
        ),
        (
            stopped_task(stop_code="ServiceSchedulerInitiated", stopped_reason="Task failed container health checks"),
            "killed by the container's health check", "health_check",
        ),
        (
            stopped_task(stop_code="ServiceSchedulerInitiated",
                         stopped_reason="Task failed ELB health checks in (target-group arn)"),
            "killed by the load balancer's health check", "health_check",
        ),
    ],
)  # fmt: skip
def test_faults_are_named(task: Task, what: str, sign: str) -> None:
    stop = classify(task)

    assert (stop.what, stop.sign, stop.benign) == (what, sign, False)


@pytest.mark.parametrize("exit_code", [0, 137, 143])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)"),
        ("UserInitiated", "Task stopped by user"),
        ("UserInitiated", "rolling the dice"),
        ("UserInitiated", "moving it to another subnet"),
    ],
)
def test_ordinary_stops_are_benign(code: str, reason: str, exit_code: int) -> None:
    task = stopped_task(stop_code=code, stopped_reason=reason, container=container_state(exit_code=exit_code))

    assert classify(task).benign


def test_a_side_car_does_not_decide() -> None:
    task = stopped_task()
    both = (container_state(name="log-router", exit_code=0), container_state(exit_code=139))
    task = Task(**{**task.__dict__, "containers": both})

    assert classify(task, ("web",)).what == "exit code 139 (SIGSEGV)"


@pytest.mark.parametrize("code", ["SpotInterruption", "TerminationNotice", "InfrastructureHealth", "SomethingNew"])
def test_what_aws_does_is_milder(code: str) -> None:
    task = stopped_task(stop_code=code, stopped_reason="…", container=container_state(exit_code=None))

    assert classify(task).severity == "medium"


def test_what_the_scheduler_stops_for_a_reason_not_known_is_milder_whatever_its_exit_code() -> None:
    task = stopped_task(stop_code="ServiceSchedulerInitiated", stopped_reason="Zone is evacuated",
                        container=container_state(exit_code=143))  # fmt: skip

    assert classify(task).severity == "medium"


@pytest.mark.parametrize("code", ["TaskFailedToStart", "EssentialContainerExited"])
def test_failures_for_a_reason_not_known_are_failures(code: str) -> None:
    task = stopped_task(stop_code=code, stopped_reason="NewError: …", container=container_state(exit_code=None))

    assert classify(task).severity is None


def judged(*tasks: Task, running: int = 1) -> Any:
    return judge(service(running=running), tasks, NOW, window_min=60, loop_stops=2)


def test_a_loop_is_a_loop() -> None:
    verdict = judged(*(stopped_task(n) for n in (5, 10, 15)))

    assert not verdict
    assert verdict.severity is None
    assert verdict.summary == (
        "shop-web: 3 of its tasks stopped in the last 60 min: 3× exit code 1; "
        "expected no failing stops of the present deployment"
    )


def test_one_stop_is_milder_once_all_run_again() -> None:
    assert judged(stopped_task()).severity == "medium"
    assert judged(stopped_task(), running=0).severity is None


def test_a_loop_is_not_hidden_by_interruptions() -> None:
    spot = [stopped_task(n, stop_code="SpotInterruption", stopped_reason="Your Spot Task was interrupted.",
                         container=container_state(exit_code=None)) for n in (20, 25, 30)]  # fmt: skip

    assert judged(*spot).severity == "medium"
    verdict = judged(*spot, stopped_task(5), stopped_task(10))
    assert verdict.severity is None
    assert verdict.likely_cause == "the application failed; its log says why"


def test_other_deployments_and_the_past_do_not_count() -> None:
    assert judged(*(stopped_task(n, started_by="ecs-svc/0") for n in (5, 10)))
    assert judged(*(stopped_task(n) for n in (61, 70)))


@given(st.text(), st.text())
def test_any_reason_is_taken(code: str, reason: str) -> None:
    classify(stopped_task(stop_code=code, stopped_reason=reason))
