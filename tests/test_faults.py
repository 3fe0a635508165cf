"""The catalogue of faults, each against the checks of its scenario: what must turn red does, and nothing else.

The checks of the other scenarios are judged in the matrix.
"""

from __future__ import annotations

from functools import cache

import pytest

from fixtures.run import load_facts
from fixtures.sandbox.faults import Fault, catalogue
from fixtures.sandbox.server import Host
from reports.finding import Finding
from tests.harness import Judged, judged, selection

load_facts()
FAULTS = [f for f in catalogue() if f.kind == "fault" and "own-test" not in f.tags]
WORLDS = [f for f in catalogue() if f.kind == "world" and "own-test" not in f.tags]
SCENARIOS = sorted({f.scenario for f in FAULTS})


@cache
def healthy(host: Host, options: tuple[str, ...]) -> Judged:
    """The healthy world, judged by one scenario's checks."""
    with judged(host, *options) as found:
        return found


def named(one: Fault) -> str:
    return one.name


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_healthy_world_is_green(host: Host, scenario: str) -> None:
    found = healthy(host, ("-m", scenario))

    assert found.exit_code == 0, found.explained() + found.output
    assert found.checks("failed", "unverified") == set(), found.explained()


@pytest.mark.parametrize("one", FAULTS, ids=named)
def test_a_fault_turns_its_checks_red_and_no_others(host: Host, one: Fault) -> None:
    before = healthy(host, selection(one)).findings
    with judged(host, *selection(one), faults=[one.name]) as found:
        red = {f.check for f in _news(before, found)}

    assert found.checks("unverified") == set(one.blinds), found.explained()
    assert set(one.turns_red) <= red, found.explained()
    assert red <= {*one.turns_red, *one.may_turn_red}, found.explained()


def _news(before: dict[str, Finding], after: Judged) -> list[Finding]:
    """What is broken otherwise than in the healthy world, whose prevention gaps are advisory all along."""
    broken = [f for f in after.results.findings if f.broken]
    return [f for f in broken if f.id not in before or before[f.id].summary != f.summary]


@pytest.mark.parametrize("one", WORLDS, ids=named)
def test_a_healthy_world_that_looks_broken_stays_green(host: Host, one: Fault) -> None:
    before = healthy(host, selection(one)).findings
    with judged(host, *selection(one), faults=[one.name]) as found:
        advisory = {f.check for f in _news(before, found) if f.outcome == "advisory"}

    assert found.checks("failed", "unverified") == set(), found.explained()
    assert advisory <= set(one.may_turn_red), found.explained()
    assert set(one.not_applicable) <= found.checks("not_applicable"), found.explained()


@pytest.mark.parametrize("one", FAULTS, ids=named)
def test_what_a_fault_turns_red_exists_and_is_explained(host: Host, one: Fault) -> None:
    known = {f.check for f in healthy(host, ("-m", one.scenario)).results.findings}

    assert set(one.turns_red) <= known, f"{one.name} names checks that {one.scenario} does not have"
    assert one.turns_red, f"{one.name} turns nothing red"
    assert one.title.endswith("."), one.title


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_check_has_a_fault(host: Host, scenario: str) -> None:
    checks = {f.check for f in healthy(host, ("-m", scenario)).results.findings}
    turned = {c for f in catalogue() if f.kind == "fault" for c in f.turns_red}

    # What is already advisory in the healthy target is its own proof that the check can fail.
    assert checks - turned - healthy(host, ("-m", scenario)).checks("advisory", "failed") == set()
