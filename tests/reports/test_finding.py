"""Findings travel as plain data and come back the same; results know their parts."""

from __future__ import annotations

import json

import pytest

from reports.finding import SCENARIOS, SEVERITIES, Finding, is_milder, outcome_of, rank
from tests.reports.build import finding, results


def test_a_finding_survives_json() -> None:
    one = finding("check_x", "product", evidence=("a", "b"), exempt_until="2027-02-01", change="new", flapping=True)
    assert Finding.from_dict(json.loads(json.dumps(one.as_dict()))) == one


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert Finding.from_dict({**finding().as_dict(), "colour": "red"}) == finding()


@pytest.mark.parametrize(
    ("phase", "passed", "skipped", "judged", "outcome"),
    [
        ("call", True, False, False, "passed"),
        ("call", False, True, False, "not_applicable"),
        ("setup", False, True, False, "not_applicable"),
        ("call", False, False, True, "failed"),
        # Anything but an assertion in the check's own body means that it could not judge.
        ("call", False, False, False, "unverified"),
        ("setup", False, False, True, "unverified"),
        ("setup", False, False, False, "unverified"),
        ("teardown", False, False, True, "unverified"),
    ],
)
def test_what_a_report_means(phase: str, passed: bool, skipped: bool, judged: bool, outcome: str) -> None:
    assert outcome_of(phase, passed, skipped, judged) == outcome


def test_gravest_first_then_in_the_order_of_the_guide() -> None:
    found = [
        finding("check_a", severity=severity, scenario=scenario)
        for scenario in ("own_guide", *reversed(SCENARIOS))
        for severity in reversed(SEVERITIES)
    ]
    ordered = sorted(found, key=rank)
    assert [f.severity for f in ordered[::8]] == list(SEVERITIES)
    assert [f.scenario for f in ordered[:8]] == [*SCENARIOS, "own_guide"]


def test_milder_means_below_the_limit() -> None:
    assert is_milder("medium", "high")
    assert not is_milder("high", "high")
    assert not is_milder("critical", "high")


def test_labels_and_keys() -> None:
    one = finding("check_x", "product", id="checks/check_ecs.py::check_x[prod-product]", target="prod")
    assert one.label == "check_x[prod-product]"
    # The same check of the same service, however many targets the run judged.
    assert one.key == finding("check_x", "product", target="prod").key == ("prod", "check_x", "product")
    assert finding("check_x").label == "check_x"


def test_only_what_is_off_is_broken() -> None:
    broken = [o for o in ("passed", "failed", "advisory", "unverified", "not_applicable") if finding(outcome=o).broken]
    assert broken == ["failed", "advisory"]


def test_the_part_about_one_target_hides_nothing_of_it() -> None:
    both = results(
        finding("check_a", target="dev", id="checks/check_ecs.py::check_a[dev]"),
        finding("check_a", target="prod", id="checks/check_ecs.py::check_a[prod]"),
        finding("check_b", target="prod", id="checks/check_ecs.py::check_b[prod]", outcome="unverified"),
    )
    part = both.about("prod")
    assert [f.label for f in part.findings] == ["check_a[prod]", "check_b[prod]"]
    assert part.roots == ("checks/check_ecs.py::check_a[prod]",)
    assert both.account == "123456789012"
    assert [f.check for f in both.of("unverified", "failed")] == ["check_a", "check_a", "check_b"]
