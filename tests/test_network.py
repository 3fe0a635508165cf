"""A network at its worst: nothing hangs, no verdict is wrong, what is affected is unverified with its cause."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from fixtures import aws as door
from fixtures.aws import Aws
from fixtures.errors import Unavailable
from fixtures.gather import closure, operations
from fixtures.pace import Pace
from fixtures.run import facts_of, load_facts, preflight, sandboxed
from fixtures.sandbox.faults import catalogue
from fixtures.sandbox.server import Host
from fixtures.sandbox.wire import Call
from reports.finding import Finding
from tests.faulty_network import Fate, FaultyNetwork, bad_weather
from tests.harness import ROOT, WITHOUT_TERRAFORM, Judged, run_checks

# Guards against hanging; nothing here depends on how long it takes.
pytestmark = pytest.mark.timeout(240)
# What the healthy world is advised to do, besides prevention.
ADVISED = {"check_access_logs_are_on", "check_health_path_is_own"}
load_facts()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between attempts nobody sleeps: how long the pauses are is tested with the pace."""
    monkeypatch.setattr(Aws, "_sleep", lambda self, seconds: None)
    monkeypatch.setattr(door, "Pace", functools.partial(Pace, sleep=lambda seconds: None))


def broken(judged: Judged) -> set[str]:
    """Checks that call something broken; the healthy world could be better in some ways, too."""
    return {f.check for f in judged.results.of("failed", "advisory") if f.stage != "prevention"} - ADVISED


def asked_by(check: str) -> frozenset[str]:
    """The operations behind a check."""
    modules = [importlib.import_module(f"checks.{p.stem}") for p in sorted((ROOT / "checks").glob("check_*.py"))]
    function = next(f for m in modules for n, f in vars(m).items() if n == check)
    facts = facts_of(inspect.signature(function).parameters)
    return operations(closure((*preflight(facts), *facts)))


# -- a whole run in bad weather, with some operations out of reach for good ---------------------------------------

WEATHER: dict[Fate, float] = {
    "throttled": 0.30, "reset": 0.05, "failing": 0.05, "busy": 0.03, "cut": 0.04, "half": 0.04, "page": 0.03,
}  # fmt: skip
# In what way each stays out of reach, and what its checks say then.
GONE: dict[str, tuple[Fate, str]] = {
    "elbv2:DescribeTargetHealth": ("throttled", "throttled"),
    "cloudwatch:GetMetricData": ("half", "incomplete"),
    "ec2:DescribeSubnets": ("page", "incomplete"),
    "logs:FilterLogEvents": ("failing", "error"),
    "budgets:DescribeBudgets": ("busy", "error"),
    "iam:SimulatePrincipalPolicy": ("reset", "unreachable"),
    "secretsmanager:DescribeSecret": ("cut", "incomplete"),
    "ecr:DescribeImages": ("endless", "incomplete"),
}
# Broken in these worlds, so that what is wrong must still be found.
FAULTS = ("database-rule-removed", "rule-removed")


@pytest.fixture(scope="module")
def stormy(host: Host) -> Iterator[tuple[FaultyNetwork, Judged]]:
    weather = bad_weather("e", WEATHER, within=4)

    def plan(call: Call, attempt: int) -> Fate:
        return GONE[call.operation][0] if call.operation in GONE else weather(call, attempt)

    with pytest.MonkeyPatch.context() as patched, host.fork(FAULTS) as world, FaultyNetwork(world, plan) as network:
        _no_pauses.__wrapped__(patched)  # type: ignore[attr-defined]
        patched.setattr(door, "_MOST_PAGES", 20)
        yield network, run_checks(network.world, "-k", WITHOUT_TERRAFORM)


def test_the_weather_was_bad(stormy: tuple[FaultyNetwork, Judged]) -> None:
    fates = stormy[0].fates
    seen = {fate for (operation, fate) in fates if operation not in GONE}

    assert seen == {*WEATHER, "answered"}
    assert {o for o, fate in fates if fate == GONE.get(o, ("", ""))[0]} == set(GONE)


def test_what_is_broken_is_found_and_nothing_else_is_called_broken(stormy: tuple[FaultyNetwork, Judged]) -> None:
    _, judged = stormy
    chosen = [f for f in catalogue() if f.name in FAULTS]
    must = {c for f in chosen for c in f.turns_red}
    may = {c for f in chosen for c in f.may_turn_red}
    seeing = {c for c in must if not asked_by(c) & set(GONE)}

    assert seeing, "the faults must be visible beside what is out of reach"
    assert seeing <= broken(judged), judged.explained()
    assert broken(judged) <= must | may, judged.explained()
    assert judged.exit_code == 1


def test_only_what_is_affected_is_unverified_and_says_why(stormy: tuple[FaultyNetwork, Judged]) -> None:
    _, judged = stormy
    wrong = [
        f"{f.id}: {f.unavailable_cause}: {f.summary}"
        for f in judged.results.of("unverified")
        if f.unavailable_cause not in {GONE[o][1] for o in asked_by(f.check) & set(GONE)} or not _named(f)
    ]

    assert wrong == []


def _named(finding: Finding) -> bool:
    """Whether it names the operation that is out of reach."""
    return any(o in finding.summary for o in GONE)


@pytest.mark.parametrize("operation", GONE)
def test_each_that_is_out_of_reach_is_noticed(stormy: tuple[FaultyNetwork, Judged], operation: str) -> None:
    _, judged = stormy
    told = [f for f in judged.results.of("unverified") if operation in f.summary]

    assert {f.unavailable_cause for f in told} == {GONE[operation][1]}, judged.explained()


# -- other troubles ------------------------------------------------------------------------------------------------


def test_credentials_that_expire_half_way_blind_only_what_comes_after(host: Host) -> None:
    def plan(call: Call, attempt: int) -> Fate:
        return "answered" if call.service in ("sts", "ecs") else "expired"

    with host.fork() as world, FaultyNetwork(world, plan) as network:
        judged = run_checks(network.world, "-m", "ecs")

    blind = judged.results.of("unverified")
    assert broken(judged) == set(), judged.explained()
    assert judged.checks("passed")
    assert {f.unavailable_cause for f in blind} == {"configuration"}, judged.explained()
    assert all("have expired" in f.summary for f in blind)
    assert judged.exit_code == 1


def test_one_region_down_leaves_the_other(host: Host, tmp_path: Path) -> None:
    there = (ROOT / "tests" / "second.toml").read_text(encoding="utf-8").replace("us-east-1", "eu-central-1")
    (tmp_path / "there.toml").write_text(there.replace('"second"', '"there"'), encoding="utf-8")

    def plan(call: Call, attempt: int) -> Fate:
        return "reset" if call.region == "eu-central-1" else "answered"

    with host.fork() as world, FaultyNetwork(world, plan) as network:
        judged = run_checks(
            network.world, "-m", "alb", "--target", "ecommerce-dev", "--target", str(tmp_path / "there.toml")
        )

    here = {f.outcome for f in judged.results.findings if f.target != "there"}
    gone = [f for f in judged.results.findings if f.target == "there"]
    assert "passed" in here
    assert "unverified" not in here, judged.explained()
    assert broken(judged) == set(), judged.explained()
    assert {f.outcome for f in gone} == {"unverified"}
    assert all("eu-central-1" in f.summary and "cannot be reached" in f.summary for f in gone), judged.explained()


def test_an_answer_that_never_comes_ends_with_the_deadline(host: Host) -> None:
    def plan(call: Call, attempt: int) -> Fate:
        return "answered" if call.service in ("sts", "ecs") else "stalled"

    with host.fork() as world, FaultyNetwork(world, plan) as network:
        judged = run_checks(network.world, "-m", "ecs", "--deadline", "3")

    assert broken(judged) == set(), judged.explained()
    blind = judged.results.of("unverified")
    assert blind
    assert {f.unavailable_cause for f in blind} == {"deadline"}, judged.explained()
    assert all("--deadline" in f.summary for f in blind)


def test_a_stall_is_given_up_and_tried_again(host: Host) -> None:
    with host.fork() as world, FaultyNetwork(world, lambda call, attempt: "stalled") as network:
        impatient = Aws(
            structs.replace(sandboxed(network.url), timeout_s=0.2, attempts=2), frozenset({"ecs:ListTasks"})
        )
        with pytest.raises(Unavailable) as caught:
            impatient.ask("ecs:ListTasks")
        impatient.close()

    assert caught.value.cause == "unreachable"
    assert network.fates == {("ecs:ListTasks", "stalled"): 2}
