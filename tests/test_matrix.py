"""The fault matrix: every fault and every healthy world, judged by the checks of all scenarios.

What must turn red does; nothing else does, unless what is red explains it; and the roots are the fault's own.
``make matrix`` prints what these tests found as a table.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from fixtures.run import load_facts
from fixtures.sandbox.faults import Fault, catalogue
from fixtures.sandbox.server import Host
from tests import matrix

load_facts()
FAULTS = [f for f in catalogue() if f.kind == "fault" and "own-test" not in f.tags]
WORLDS = [f for f in catalogue() if f.kind == "world" and "own-test" not in f.tags]
SCENARIOS = sorted({f.scenario for f in FAULTS})

# Content where the sandbox cannot go: tests/real applies the code, tests/fixtures/test_docker_build.py has a BuildKit.
PASS_ELSEWHERE = {"check_terraform_code_is_applied", "check_buildkit_finds_nothing"}


def named(one: Fault) -> str:
    return one.name


def test_the_healthy_world_is_green(host: Host) -> None:
    found = matrix.healthy_case(host, matrix.Look(terraform=True))
    # For those who ask on a worker that looks without terraform.
    matrix.passed_when_healthy(host)

    assert found.checks("failed", "unverified") == set(), found.explained()


@pytest.mark.parametrize("one", FAULTS, ids=named)
def test_a_fault_turns_its_checks_red_and_no_others(host: Host, one: Fault) -> None:
    judged = matrix.judge_fault(host, one)

    assert judged.missed == (), judged.explained
    assert judged.false_alarms == (), judged.explained
    assert judged.misread == (), judged.explained
    assert judged.wrong_roots == (), judged.explained
    assert judged.silent == (), "a command needs a name that nothing supplies"


@pytest.mark.parametrize("one", WORLDS, ids=named)
def test_a_healthy_world_that_looks_broken_stays_green(host: Host, one: Fault) -> None:
    judged = matrix.judge_world(host, one)

    assert judged.false_alarms == (), judged.explained
    assert judged.misread == (), judged.explained
    assert set(one.not_applicable) <= matrix.fault_case(host, one).checks("not_applicable"), judged.explained


@pytest.mark.parametrize("service", matrix.SERVICES)
def test_a_service_that_refuses_everything_blinds_its_checks_and_no_others(host: Host, service: str) -> None:
    judged = matrix.judge_denied(host, service)

    assert judged.misread == (), judged.explained
    assert judged.missed == (), judged.explained


@pytest.mark.parametrize(("first", "second"), list(combinations(SCENARIOS, 2)))
def test_two_faults_of_different_scenarios_keep_their_roots(host: Host, first: str, second: str) -> None:
    pairs = [(a, b) for a in FAULTS for b in FAULTS if (a.scenario, b.scenario) == (first, second)]
    judged = [matrix.judge_pair(host, a, b) for a, b in pairs]

    lost = [j.explained for j in judged if j.missed or j.wrong_roots]
    assert lost == [], "\n".join(lost)


def test_faults_that_have_nothing_to_do_with_each_other_are_told_apart(host: Host) -> None:
    first, second = (next(f for f in FAULTS if f.name == name) for name in ("budget-exceeded", "dockerfile-deleted"))

    assert matrix.judge_pair(host, first, second).kind == "pair"


@pytest.mark.parametrize(("first", "second"), matrix.sample_of_pairs(FAULTS), ids=named)
def test_two_faults_that_meet_are_both_seen(host: Host, first: Fault, second: Fault) -> None:
    judged = matrix.judge_together(host, first, second)

    assert judged.missed == (), judged.explained
    assert judged.false_alarms == (), judged.explained


# -- the catalogue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", FAULTS, ids=named)
def test_what_a_fault_turns_red_exists_and_is_explained(host: Host, one: Fault) -> None:
    known = {f.check for f in matrix.healthy_case(host).results.findings}

    assert {*one.turns_red, *one.may_turn_red} <= known, f"{one.name} names checks that there are not"
    assert one.turns_red, f"{one.name} turns nothing red"
    assert one.title.endswith("."), one.title


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_check_has_a_fault(host: Host, scenario: str) -> None:
    healthy = matrix.healthy_case(host)
    checks = {f.check for f in healthy.results.findings if f.scenario == scenario}
    turned = {c for f in catalogue() if f.kind == "fault" for c in f.turns_red}

    # What is already advisory in the healthy target is its own proof that the check can fail.
    assert checks - turned - healthy.checks("advisory", "failed") == set()


def test_every_check_has_a_world_in_which_it_is_content(host: Host) -> None:
    passed = {c for w in WORLDS for c in matrix.fault_case(host, w).checks("passed")}
    passed |= matrix.passed_when_healthy(host)
    checks = {f.check for f in matrix.healthy_case(host).results.findings}

    # A prevention gap of the healthy target passes in the world of whoever closed it, under a fault of another kind.
    passed |= {c for f in FAULTS for c in matrix.fault_case(host, f).checks("passed")}
    assert checks - passed == PASS_ELSEWHERE
