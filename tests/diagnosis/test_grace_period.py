from __future__ import annotations

import pytest

from checks.diagnosis.grace_period import is_enough, measure
from fixtures.model.alb import Target
from fixtures.model.ecs import Task
from tests.diagnosis.balancers import NOW, attachment, service, target, task

KILLED = "Task failed ELB health checks in (target-group arn:…)"
CHECKING = target("initial", "Elb.InitialHealthChecking")


def killed(ran_s: float) -> Task:
    return task(ip="10.0.12.1", ran_s=ran_s, stopped_reason=KILLED, stopped_ago_s=300)


@pytest.mark.parametrize(
    ("grace_s", "stopped", "targets", "ran_s", "ok", "severity"),
    [
        (60, [], [target()], 9999, True, "medium"),
        (None, [], [target()], 9999, False, "medium"),
        (0, [], [target()], 9999, False, "medium"),
        (59, [], [target()], 9999, False, "medium"),
        (0, [killed(50)], [target()], 9999, False, "high"),
        # Broken rather than slow: nothing ever becomes healthy, and a minute is what was asked for.
        (60, [killed(170)], [target("unhealthy")], 9999, True, "medium"),
        (60, [killed(170)], [target()], 9999, False, "medium"),
        # It served for hours before it failed: that is no start-up.
        (60, [killed(7200)], [target()], 9999, True, "medium"),
        (60, [task(ran_s=20, stopped_reason="Scaling activity", stopped_ago_s=60)], [target()], 9999, True, "medium"),
        (60, [], [CHECKING, target(ip="10.0.11.6")], 100, True, "medium"),
        (60, [], [CHECKING, target(ip="10.0.11.6")], 150, False, "medium"),
    ],
)
def test_grace_against_what_tasks_need(
    grace_s: int | None, stopped: list[Task], targets: list[Target], ran_s: float, ok: bool, severity: str
) -> None:
    one = service(grace_period_s=grace_s)
    startup = measure(one, attachment(), targets, [task(ran_s=ran_s)], stopped, NOW)
    verdict = is_enough(one, attachment(), startup, any(t.state == "healthy" for t in targets), 60)

    assert bool(verdict) is ok, verdict
    assert ok or verdict.severity == severity


def test_what_is_asked_for_leaves_room_above_what_was_measured() -> None:
    one = service(grace_period_s=0)
    startup = measure(one, attachment(), [target()], [task()], [killed(100)], NOW)
    verdict = is_enough(one, attachment(), startup, True, 60)

    assert verdict.names["grace_period_s"] == "150"
    assert any("was stopped after 100 s" in line for line in verdict.evidence)
