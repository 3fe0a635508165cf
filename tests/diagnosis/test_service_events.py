from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis.service_events import complaint, judge
from tests.diagnosis.facts import NOW, event, service

STEADY = "has reached a steady state."
GROUP = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web/0"


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("(service x) has reached a steady state.", None),
        ("(service x) has started 2 tasks: (task a) (task b).", None),
        ("(service x) has stopped 1 running tasks: (task a).", None),
        ("(service x) registered 1 targets in (target-group arn)", None),
        ("(service x) has begun draining connections on 1 tasks.", None),
        ("(service x) (deployment ecs-svc/1) deployment completed.", None),
        ("(service x) is not AZ balanced with 2 tasks in a. AZ Rebalancing in progress.", None),
        ("(service x) (deployment ecs-svc/1) deployment failed: tasks failed to start.", "deployment failed"),
        ("(service x) rolling back to deployment ecs-svc/1.", "rolled back"),
        ("(service x) (task a) failed container health checks.", "container health checks failed"),
        (f"(service x) (port 80) is unhealthy in (target-group {GROUP}) due to (reason Request timed out)",
         "unhealthy in target group"),
        ("service x (instance i-1) (port 80) is unhealthy in target-group web due to Health checks failed",
         "unhealthy in target group"),
        ("(service x) was unable to place a task. Reason: CannotPullContainerError: not found.",
         "image cannot be pulled"),
        ("(service x) was unable to place a task. Reason: Capacity is unavailable at this time.", "no capacity"),
        ("(service x) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run",
         "limit reached"),
        ("(service x) was unable to place a task because no container instance met all of its requirements.",
         "no place for a task"),
        ("(service x) is unable to consistently start tasks successfully.", "tasks do not stay up"),
        ("(service x) was unable to stop or start tasks during a deployment because of the service deployment "
         "configuration.", "deployment configuration forbids progress"),
        ("(service x) failed to launch a task with (error ECS was unable to assume the role 'arn:1').",
         "tasks cannot be launched"),
        ("(service x) failed to register targets in (target-group 1) with (error ...)", "targets cannot be registered"),
        ("(service x) operations are being throttled. Will try again later.", "throttled"),
    ],
)  # fmt: skip
def test_messages(message: str, name: str | None) -> None:
    found = complaint(message)

    assert (found.name if found else None) == name


def test_only_what_came_after_the_last_steady_state_counts() -> None:
    bad = "(task a) failed container health checks."

    assert judge(service(events=(event(5, STEADY), event(9, bad))), NOW, 60, settling=False)
    assert not judge(service(events=(event(5, bad), event(9, STEADY))), NOW, 60, settling=False)


def test_the_window_ends_the_past() -> None:
    assert judge(service(events=(event(61, "(task a) failed container health checks."),)), NOW, 60, settling=False)


def test_events_are_counted_by_kind() -> None:
    bad = tuple(event(n, "(task a) failed container health checks.") for n in (1, 2, 3))
    verdict = judge(service(events=bad), NOW, 60, settling=False)

    assert "container health checks failed (3×)" in verdict.observed
    assert verdict.signs == ("health_check",)


def test_one_complaint_during_a_deployment_is_milder() -> None:
    bad = (event(1, "(task a) failed container health checks."),)

    assert judge(service(events=bad), NOW, 60, settling=True).severity == "medium"
    assert judge(service(events=bad), NOW, 60, settling=False).severity is None


def test_a_want_of_capacity_that_has_passed_is_milder() -> None:
    want = (event(9, "was unable to place a task. Reason: Capacity is unavailable at this time."),)

    assert judge(service(events=want), NOW, 60, settling=False).severity == "medium"
    assert judge(service(events=want, running=0), NOW, 60, settling=False).severity is None


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    complaint(text)
