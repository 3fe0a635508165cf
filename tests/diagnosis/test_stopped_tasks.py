from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.diagnosis.stopped_tasks import classify, judge
from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Task
from tests.diagnosis.facts import NOW, ago, container_state, service, stopped_task

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
        (failed_to_start("CannotPullContainerError: toomanyrequests: slow"), "image cannot be pulled", "image"),
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


@pytest.mark.parametrize(
    ("image", "trouble", "sign"),
    [
        ("shop:a4031fe", "dial tcp 1.2.3.4:443: i/o timeout", "network"),
        ("403429000000.dkr.ecr.us-east-1.amazonaws.com/shop:1", "net/http: TLS handshake timeout", "network"),
        ("403429000000.dkr.ecr.us-east-1.amazonaws.com/shop:1", "not found", "image"),
        ("shop@sha256:403429", "unexpected status code [manifests 1]: 403 Forbidden", "permission"),
        ("connection-timeout-platform:403", "unexpected status code [manifests 403]: 500", "image"),
        ("shop:1", "pull access denied: repository may require authorization", "permission"),
        ("shop:1", "httpReadSeeker: failed open: unexpected status code: 429 Too Many Requests", "image"),
    ],
)
def test_what_an_image_is_called_says_nothing(image: str, trouble: str, sign: str) -> None:
    task = failed_to_start(
        f"CannotPullContainerError: pull has been retried 5 time(s): failed to pull {image}: {trouble}"
    )

    assert classify(task).sign == sign


def test_a_rate_limit_is_told_from_a_missing_image() -> None:
    assert (
        "rate limit" in classify(failed_to_start("CannotPullContainerError: shop:1: toomanyrequests: slow down")).cause
    )
    assert "rate limit" not in classify(failed_to_start("CannotPullContainerError: shop:429: EOF")).cause


def test_a_container_called_after_what_it_keeps_has_no_volume() -> None:
    assert classify(stopped_task(container=container_state(reason="user-prefs failed"))).sign == "crash"


def test_a_side_car_does_not_decide() -> None:
    task = stopped_task()
    both = (container_state(name="log-router", exit_code=0), container_state(exit_code=139))
    task = replace(task, containers=both)

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


def test_all_that_is_said_of_stops() -> None:
    cut = container_state(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")
    silent = container_state(name="proxy", exit_code=None)
    noisy = container_state(name="cache", exit_code=None, reason="it would not stop")
    tasks = [
        stopped_task(5),
        stopped_task(10, container=cut, stop_code="", stopped_reason=""),
        replace(stopped_task(15), containers=(container_state(), silent, noisy), started_at=None),
    ]
    times = [f"{ago(n):%m-%d %H:%M:%S}Z task {t.id}" for n, t in zip((5, 10, 15), tasks, strict=True)]

    assert judged(*tasks) == Verdict(
        ok=False,
        resource="arn:aws:ecs:us-east-1:123456789012:service/shop/shop-web",
        name="shop-web",
        observed="3 of its tasks stopped in the last 60 min: 2× exit code 1, 1× out of memory",
        expected="no failing stops of the present deployment",
        evidence=(
            f"{times[0]} after 60 s: EssentialContainerExited: Essential container in task exited [web exit 1]",
            f"{times[1]} after 60 s: no stop code: out of memory [web exit 137 ({cut.reason})]",
            f"{times[2]}: EssentialContainerExited: Essential container in task exited "
            "[web exit 1, cache (it would not stop)]",
        ),
        likely_cause="the application failed; its log says why",
        brief="3 tasks stopped (exit code 1)",
        related=service().related,
        signs=("crash", "memory"),
        names={"service": "shop-web", "cluster": "shop", "task": tasks[0].id},
    )


def test_all_that_is_said_where_nothing_stopped() -> None:
    verdict = judged()

    assert (verdict.observed, verdict.evidence, verdict.likely_cause, verdict.brief, verdict.signs) == (
        "no failing stops", (), "", "", (),
    )  # fmt: skip
    assert verdict.names["task"] == ""


def test_only_the_newest_stops_are_shown() -> None:
    assert len(judged(*(stopped_task(n) for n in range(1, 12))).evidence) == 8


def test_a_task_that_never_stopped_properly_counts_from_its_creation() -> None:
    unstarted = replace(stopped_task(30), stopped_at=None, started_at=None, containers=())

    assert not judged(unstarted)
    assert judged(unstarted).evidence == (
        f"? task {unstarted.id}: EssentialContainerExited: Essential container in task exited",
    )
    assert judged(replace(unstarted, created_at=ago(61)))
    assert not judged(stopped_task(60))


def test_as_many_stops_as_make_a_loop_are_one_even_if_all_run_again() -> None:
    assert judged(stopped_task(5), stopped_task(10)).severity is None
    assert judge(service(), [stopped_task()], NOW, window_min=60, loop_stops=1).severity is None


def test_a_stop_that_is_milder_by_itself_stays_so_while_tasks_are_missing() -> None:
    assert judged(stopped_task(stop_code="SpotInterruption", stopped_reason="…"), running=0).severity == "medium"


def test_essential_containers_decide_for_the_whole_judgement() -> None:
    both = (container_state(name="log-router", exit_code=1), container_state(exit_code=139))
    task = replace(stopped_task(), containers=both)
    verdict = judge(service(), [task], NOW, window_min=60, loop_stops=2, essential=("web",))

    assert "exit code 139" in verdict.observed


def test_without_a_container_that_is_known_as_essential_all_of_them_decide() -> None:
    task = replace(stopped_task(), containers=(container_state(exit_code=0), container_state(exit_code=126)))

    assert classify(task).what == "exit code 126"
    assert classify(task, ("other",)).what == "exit code 126"
    assert classify(replace(task, containers=(container_state(exit_code=0),))).what.startswith("exited by itself")


@pytest.mark.parametrize(
    ("code", "reason", "what"),
    [("New", "because", "because"), ("New", "", "New"), ("", "", "no reason given")],
)
def test_what_is_not_known_is_told_as_it_is(code: str, reason: str, what: str) -> None:
    stop = classify(replace(stopped_task(), stop_code=code, stopped_reason=reason, containers=()))

    assert (stop.what, stop.cause) == (what, "a reason that this suite does not know")


def test_an_exit_code_of_its_own_is_the_applications() -> None:
    stop = classify(stopped_task(container=container_state(exit_code=42)))

    assert (stop.what, stop.cause) == ("exit code 42", "the application failed; its log says why")


def test_reasons_of_task_and_containers_are_read_together() -> None:
    pull = container_state(exit_code=None, reason="not found")

    assert classify(stopped_task(container=pull, stopped_reason="CannotPullContainerError:")).sign == "image"


def test_missing_tasks_alone_are_no_stops() -> None:
    assert judged(running=0).ok
