from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from checks.diagnosis.target_health import Registration, are_healthy, are_running_tasks, has_targets, serving, words
from checks.diagnosis.verdict import Verdict
from fixtures.errors import Unavailable
from fixtures.model.alb import Target
from tests.diagnosis.balancers import NOW, attachment, group, group_arn, service, target, task

CODES = "Target.ResponseCodeMismatch"
LEAVING = target("draining", "Target.DeregistrationInProgress", ip="10.0.11.9")
UNUSED = target("unused", "Target.NotInUse")


@pytest.mark.parametrize(
    ("targets", "ok", "severity"),
    [
        ([target()], True, None),
        ([target(), LEAVING], True, None),
        ([target("unhealthy", CODES)], False, None),
        ([target("unhealthy", "Target.Timeout"), target(ip="10.0.11.6")], False, "high"),
        ([target("unhealthy", "Elb.InternalError"), target(ip="10.0.11.6")], False, "medium"),
        ([UNUSED], False, None),
        ([target("unused", "Target.InvalidState"), target(ip="10.0.11.6")], False, "high"),
        ([target("unavailable", "Target.HealthCheckDisabled")], True, None),
        ([target("initial", "Elb.InitialHealthChecking")], False, "high"),
        ([target("initial", "Elb.InitialHealthChecking"), target(ip="10.0.11.6")], False, "medium"),
        ([target("unhealthy.draining", "Target.DeregistrationInProgress"), target(ip="10.0.11.6")], True, None),
    ],
)
def test_states_of_old_targets(targets: list[Target], ok: bool, severity: str | None) -> None:
    verdict = are_healthy(service(), attachment(), targets, [task()], NOW)

    assert (bool(verdict), verdict.severity) == (ok, severity), verdict


@pytest.mark.parametrize(
    ("state", "reason", "ran_s", "ok", "severity"),
    [
        ("initial", "Elb.InitialHealthChecking", 100, True, None),
        ("initial", "Elb.InitialHealthChecking", 130, False, "high"),
        ("unhealthy", CODES, 50, False, "medium"),
        ("unhealthy", CODES, 70, False, None),
        # To the second: 60 of grace, and two checks of 30.
        ("initial", "Elb.InitialHealthChecking", 120, True, None),
        ("unhealthy", CODES, 60, False, None),
    ],
)
def test_a_young_target_has_time(state: str, reason: str, ran_s: float, ok: bool, severity: str | None) -> None:
    verdict = are_healthy(service(), attachment(), [target(state, reason)], [task(ran_s=ran_s)], NOW)

    assert (bool(verdict), verdict.severity) == (ok, severity), verdict


def test_without_a_grace_period_only_the_checks_take_time() -> None:
    found, tasks = [target("initial", "Elb.InitialHealthChecking")], [task(ran_s=60)]

    assert are_healthy(service(grace_period_s=None), attachment(), found, tasks, NOW)
    assert not are_healthy(service(grace_period_s=None), attachment(), found, [task(ran_s=60.5)], NOW)


def test_targets_that_nobody_checks_count_as_healthy() -> None:
    found = [target("unavailable", "Target.HealthCheckDisabled"), target("unhealthy", "Target.New", ip="10.0.11.6")]
    verdict = are_healthy(service(), attachment(), found, [], NOW)

    assert verdict.observed.startswith("1 of 2 targets are healthy")
    # A reason that AWS has added since.
    assert (verdict.severity, verdict.likely_cause, verdict.signs) == ("high", "", ())


def test_failing_open_is_said_where_no_target_is_healthy() -> None:
    alone = are_healthy(service(), attachment(), [target("unhealthy", CODES)], [], NOW)
    beside = are_healthy(service(), attachment(), [target("unhealthy", CODES), target(ip="10.0.11.6")], [], NOW)

    assert any("fails open" in line for line in alone.evidence)
    assert not any("fails open" in line for line in beside.evidence)


def test_a_refused_connection_rules_out_a_closed_security_group() -> None:
    refused = are_healthy(service(), attachment(), [target("unhealthy", "Target.FailedHealthChecks")], [], NOW)
    timed_out = are_healthy(service(), attachment(), [target("unhealthy", "Target.Timeout")], [], NOW)

    assert refused.signs == ("refused", "crash", "configuration", "health_check", "image", "secret", "memory")
    assert {"network", "crash", "memory", "connections"} < set(timed_out.signs)
    assert "request" not in timed_out.signs, "one that failed was answered"


def test_what_cannot_be_why_there_are_no_targets() -> None:
    group = attachment()
    running = has_targets(service(running=1, desired=1), group, [], False)
    waiting = has_targets(service(running=0, desired=1), group, [], False)
    deleted = has_targets(service(running=0, desired=1), replace(group, group=None), [], False)
    unused = are_healthy(service(), group, [target("unused", "Target.NotInUse")], [task(ran_s=9000)], NOW)

    assert running.signs and not {"secret", "image"} & set(running.signs)
    assert (waiting.signs, deleted.signs, unused.signs) == ((), ("configuration",), ("configuration",))
    both = [target("unused", "Target.IpUnusable"), target("unused", "Target.NotInUse", ip="10.0.11.6")]
    assert are_healthy(service(), group, both, [], NOW).signs == ("configuration",)


@pytest.mark.parametrize(
    ("codes", "ruled_out"), [("404", True), ("404, 302", True), ("503", False), ("404, 500", False), ("429", False)]
)
def test_an_answer_that_refuses_rules_out_what_lies_behind_the_application(codes: str, ruled_out: bool) -> None:
    said = f"Health checks failed with these codes: [{codes}]"
    unhealthy = replace(target("unhealthy", CODES), description=said)
    verdict = are_healthy(service(), attachment(), [unhealthy], [], NOW)

    assert verdict.signs == (("configuration", "health_check") if ruled_out else ())


@pytest.mark.parametrize(
    ("targets", "running", "settling", "ok", "severity"),
    [
        ([target()], 1, False, True, None),
        ([], 1, False, False, None),
        ([LEAVING], 1, False, False, None),
        ([], 0, True, False, "medium"),
        ([], 1, True, False, None),
    ],
)
def test_registered_targets(
    targets: list[Target], running: int, settling: bool, ok: bool, severity: str | None
) -> None:
    verdict = has_targets(service(running=running), attachment(), targets, settling)

    assert (bool(verdict), verdict.severity) == (ok, severity)


def test_a_group_that_is_gone_is_named() -> None:
    verdict = has_targets(service(), attachment(group=None), [])

    assert "api does not exist" in verdict.observed


def test_another_containers_pair_says_nothing_about_this_one() -> None:
    pair = [attachment(), attachment("green", alternate=True)]
    admin = [attachment("admin", port=9000), attachment("admin-green", port=9000, alternate=True)]
    found = serving([*pair, *admin], {group_arn("admin-green"): [target(port=9000)]})

    assert [a.name for a in found] == ["api", "green", "admin-green"]


def registered(*own: str, others: tuple[str, ...] = (), elsewhere: tuple[str, ...] = ()) -> Registration:
    return Registration([task(ip=i) for i in own], frozenset((*own, *others)), frozenset(elsewhere))


@pytest.mark.parametrize(
    ("targets", "tasks", "ok", "severity"),
    [
        ([target()], registered("10.0.11.5"), True, "medium"),
        ([target(), target(ip="10.0.11.9")], registered("10.0.11.5"), False, "medium"),
        ([target(), LEAVING], registered("10.0.11.5"), True, "medium"),
        ([target(), target(ip="10.0.11.9")], registered("10.0.11.5", others=("10.0.11.9",)), True, "medium"),
        ([target()], registered("10.0.11.5", "10.0.11.6"), False, "medium"),
        ([target()], registered("10.0.11.5", "10.0.11.6", elsewhere=("10.0.11.6",)), True, "medium"),
        ([target(ip="10.0.11.9")], registered("10.0.11.5"), False, "high"),
    ],
)
def test_targets_are_the_running_tasks(targets: list[Target], tasks: Registration, ok: bool, severity: str) -> None:
    verdict = are_running_tasks(service(), attachment(), targets, tasks, NOW)

    assert bool(verdict) is ok, verdict
    assert ok or verdict.severity == severity


def test_a_task_that_just_started_and_other_controllers_are_not_missed() -> None:
    young = Registration([task(ran_s=180)], frozenset({"10.0.11.5"}), frozenset())
    deployed = service(controller="CODE_DEPLOY")

    assert are_running_tasks(service(), attachment(), [], young, NOW)
    assert are_running_tasks(deployed, attachment(), [], registered("10.0.11.5"), NOW)


def test_only_groups_that_get_requests_serve() -> None:
    unknown = Unavailable("elbv2:DescribeRules", "denied")
    idle = attachment("spare", weight=0)
    nobody = attachment("none", weight=None)
    asked = attachment("maybe", weight=None, unknown=unknown)

    assert serving([attachment(), idle, nobody, asked], {}) == (attachment(), asked)


@pytest.mark.parametrize(
    ("blue", "green", "kept"),
    [
        ([target()], [], ["api"]),
        ([target()], [UNUSED], ["api"]),
        ([], [target()], ["green"]),
        ([target()], [target()], ["api", "green"]),
        ([], [], ["api", "green"]),
    ],
)
def test_the_idle_half_of_a_pair_is_left_out(blue: list[Target], green: list[Target], kept: list[str]) -> None:
    pair = [attachment(), attachment("green", alternate=True)]
    found = serving(pair, {group_arn("api"): blue, group_arn("green"): green})

    assert [a.name for a in found] == kept


def test_ages_without_a_task_are_the_deployments() -> None:
    fresh = replace(service().deployments[0], created_at=NOW - dt.timedelta(seconds=30))
    one = service(deployments=(fresh,))

    assert are_healthy(one, attachment(), [target("initial", "Elb.RegistrationInProgress")], [], NOW)


GROUP = group_arn("api")
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb/50dc6c49"
ABOUT = {
    "resource": GROUP,
    "name": "shop-api",
    "related": ("service/api", "arn:aws:ecs:us-east-1:123456789012:service/c/shop-api", GROUP, BALANCER),
    "names": {"service": "shop-api", "cluster": "c", "target_group": "api", "target_group_arn": GROUP},
}


def test_all_that_is_said_of_unhealthy_targets() -> None:
    refused = replace(target("unhealthy", "Target.FailedHealthChecks"), description="Health checks failed")
    other = replace(target("unhealthy", "Target.Timeout", ip="10.0.11.8"), zone="", description="Request timed out")
    found = [refused, target(ip="10.0.11.6"), other]

    assert are_healthy(service(), attachment(), found, [], NOW) == Verdict(
        ok=False,
        observed="1 of 3 targets are healthy, the others are unhealthy (Target.FailedHealthChecks), "
        "unhealthy (Target.Timeout)",
        expected="all targets of api healthy",
        evidence=(
            "10.0.11.5:8000 in us-east-1a is unhealthy: Target.FailedHealthChecks: the connection fails: nothing "
            "listens on that port, or not in that protocol: Health checks failed",
            "10.0.11.6:8000 in us-east-1a is healthy",
            "10.0.11.8:8000 is unhealthy: Target.Timeout: it does not answer in time: a security group or network ACL "
            "drops the packets, or it hangs: Request timed out",
            "the health check asks HTTP /health on the target's port, accepts 200-399, every 30 s within 5 s",
        ),
        severity="high",
        likely_cause="the connection fails: nothing listens on that port, or not in that protocol",
        **ABOUT,
    )


def test_all_that_is_said_of_healthy_targets() -> None:
    check = replace(group().health_check, protocol="TCP", port="9000", path="", matcher="")
    plain = attachment(group=group("api", health_check=check))
    found = [target(), target("initial", "Elb.InitialHealthChecking", ip="10.0.11.6")]
    tasks = [task(), task(ip="10.0.11.6", ran_s=10)]

    assert are_healthy(service(), plain, found, tasks, NOW) == Verdict(
        ok=True,
        observed="1 of 2 targets are healthy, 1 are starting",
        expected="all targets of api healthy",
        evidence=(
            "10.0.11.5:8000 in us-east-1a is healthy",
            "10.0.11.6:8000 in us-east-1a is initial: Elb.InitialHealthChecking: its first health checks are under way",
            "the health check asks TCP a connection on port 9000, every 30 s within 5 s",
        ),
        **ABOUT,
    )
    assert are_healthy(service(), plain, [target()], tasks, NOW).observed == "1 of 1 targets are healthy"


def test_what_a_description_repeats_is_said_once() -> None:
    meaning = "it answers, but not with a code that the health check accepts"
    unhealthy = replace(target("unhealthy", CODES), description=meaning)

    assert words(unhealthy) == f"10.0.11.5:8000 in us-east-1a is unhealthy: {CODES}: {meaning}"
    assert words(target("unhealthy", "Target.New")) == "10.0.11.5:8000 in us-east-1a is unhealthy: Target.New"


@pytest.mark.parametrize(
    ("running", "changes", "targets", "observed", "cause", "signs"),
    [
        (0, {}, [LEAVING], "no target is registered in api, 1 are leaving: every request gets a 503",
         "no task of the service runs", ()),
        (1, {}, [], "no target is registered in api: every request gets a 503", "tasks run, but are not registered",
         ("configuration", "crash", "health_check", "memory", "refused", "network")),
        (1, {}, [target()], "1 targets are registered in api", "",
         ("configuration", "crash", "health_check", "memory", "refused", "network")),
        (1, {"group": None}, [], "its target group api does not exist", "the target group was deleted",
         ("configuration",)),
    ],
)  # fmt: skip
def test_all_that_is_said_of_missing_targets(
    running: int, changes: dict[str, None], targets: list[Target], observed: str, cause: str, signs: tuple[str, ...]
) -> None:
    about = {**ABOUT, "related": ABOUT["related"][:3]} if changes else ABOUT
    assert has_targets(service(running=running), attachment(**changes), targets) == Verdict(
        ok="1 targets" in observed,
        observed=observed,
        expected="its 1 tasks registered",
        evidence=tuple(words(t) for t in targets),
        likely_cause=cause,
        signs=signs,
        **about,
    )


def test_tasks_that_stop_again_and_again_may_lack_anything() -> None:
    assert has_targets(service(running=1, desired=2), attachment(), []).signs == ()
    assert has_targets(service(running=0, desired=0), attachment(), []).signs == ()


def test_all_that_is_said_of_targets_that_are_no_tasks() -> None:
    found = are_running_tasks(service(), attachment(), [target(ip="10.0.11.9")], registered("10.0.11.5"), NOW)

    assert found == Verdict(
        ok=False,
        observed="1 registered addresses are no running task's and 1 of 1 running tasks are not registered",
        expected="exactly the running tasks registered in api",
        evidence=(
            "10.0.11.9:8000 is healthy, but no running task has that address",
            f"task 10.0.11.5 (10.0.11.5), running since {NOW - dt.timedelta(days=1):%m-%d %H:%M}Z, is not registered",
        ),
        severity="high",
        likely_cause="somebody registered or deregistered targets by hand",
        **ABOUT,
    )
    stale = [target(), target(ip="10.0.11.9")]
    by_hand = are_running_tasks(service(), attachment(), stale, registered("10.0.11.5"), NOW)
    assert by_hand.likely_cause == found.likely_cause
    fine = are_running_tasks(service(), attachment(), [target()], registered("10.0.11.5"), NOW)
    assert (fine.observed, fine.likely_cause) == ("its targets are its running tasks", "")


def test_a_task_without_an_address_or_that_stops_need_not_be_registered() -> None:
    stopping = replace(task(), status="DEACTIVATING")
    nowhere = replace(task(), private_ip="")

    for one in (stopping, nowhere):
        assert are_running_tasks(service(), attachment(), [], Registration([one], frozenset(), frozenset()), NOW)
