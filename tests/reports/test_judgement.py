"""From pytest's report of a check to a finding: exemptions, the gate, what is masked and what is cut."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from fixtures.secret import Secret
from fixtures.target import Exemption, Target
from reports.finding import Finding
from reports.judgement import excused, gated, harmless
from tests.reports.build import HOSTILE, finding

TODAY = dt.date(2027, 1, 2)


def _target(*exemptions: dict[str, Any]) -> Target:
    return Target(
        name="dev",
        cluster="shop-dev-cluster",
        project="shop",
        environment="dev",
        discover_services=True,
        exemptions=msgspec.convert(exemptions, tuple[Exemption, ...]),
    )


def _exempt(expires: str = "2027-02-01", **more: Any) -> dict[str, Any]:
    return {"check": "check_x", "reason": "accepted by Ann", "expires": expires, **more}


@pytest.mark.parametrize(
    ("severity", "fail_on", "outcome"),
    [
        ("critical", "high", "failed"),
        ("high", "high", "failed"),
        ("medium", "high", "advisory"),
        ("medium", "low", "failed"),
        ("high", "critical", "advisory"),
    ],
)
def test_what_is_milder_than_fail_on_is_advisory(severity: str, fail_on: str, outcome: str) -> None:
    assert gated(finding(severity=severity), _target(), TODAY, fail_on).outcome == outcome


def test_a_valid_exemption_makes_a_failure_advisory_and_is_named() -> None:
    judged = gated(finding(severity="critical"), _target(_exempt()), TODAY, "high")
    assert (judged.outcome, judged.exempt_until, judged.exempt_reason) == ("advisory", "2027-02-01", "accepted by Ann")
    # On its last day it still holds.
    assert gated(finding(), _target(_exempt("2027-01-02")), TODAY, "high").outcome == "advisory"


def test_an_expired_exemption_fails_however_mild_and_says_so() -> None:
    judged = gated(finding(severity="low"), _target(_exempt("2027-01-01")), TODAY, "high")
    assert (judged.outcome, judged.severity, judged.exempt_until) == ("failed", "high", None)
    assert "its exemption expired on 2027-01-01" in judged.summary
    assert gated(finding(severity="low"), _target(_exempt("2027-01-01")), TODAY, "critical").severity == "critical"


def test_of_several_exemptions_the_one_that_lasts_longest_counts() -> None:
    judged = gated(finding(), _target(_exempt("2026-01-01"), _exempt("2027-03-01", reason="new")), TODAY, "high")
    assert (judged.exempt_until, judged.exempt_reason) == ("2027-03-01", "new")


@pytest.mark.parametrize(
    ("exemption", "covered"),
    [
        ({"resource": "shop"}, True),
        ({"resource": "web"}, True),
        ({"resource": "arn:aws:ecs:*:service/dev/shop"}, True),
        ({"check": "check_*"}, True),
        ({"resource": "other"}, False),
        ({"check": "check_y"}, False),
        ({"check": "CHECK_X"}, False),
    ],
)
def test_exemptions_cover_by_check_and_resource(exemption: dict[str, str], covered: bool) -> None:
    judged = gated(replace(finding(), service="web"), _target(_exempt(**exemption)), TODAY, "high")
    assert (judged.outcome == "advisory") is covered


@pytest.mark.parametrize(
    ("exemption", "cause", "outcome", "until"),
    [
        ({"could_not_look": True}, "unreachable", "not_applicable", "2027-02-01"),
        ({"could_not_look": True, "expires": "2027-01-02"}, "denied", "not_applicable", "2027-01-02"),
        ({"could_not_look": True, "expires": "2027-01-01"}, "unreachable", "unverified", None),
        # What is said of failures does not make anybody blind, and this suite's own mistakes are nobody's to accept.
        ({}, "unreachable", "unverified", None),
        ({"could_not_look": True}, "defect", "unverified", None),
        # Somebody's credentials, or this run's time, are no lasting reason.
        ({"could_not_look": True}, "configuration", "unverified", None),
        ({"could_not_look": True}, "deadline", "unverified", None),
        ({"could_not_look": True, "check": "check_y"}, "unreachable", "unverified", None),
    ],
)
def test_what_nobody_can_look_at_may_be_excused_until_a_date(
    exemption: dict[str, Any], cause: str, outcome: str, until: str | None
) -> None:
    blind = finding(outcome="unverified", unavailable_cause=cause, summary="could not look: it is private")
    judged = excused(blind, _target(_exempt(**exemption)), TODAY)

    assert (judged.outcome, judged.exempt_until) == (outcome, until)
    assert judged.summary.startswith("could not look: it is private")
    assert ("expired on" in judged.summary) is (exemption.get("expires") == "2027-01-01")


def test_that_nobody_can_look_excuses_no_failure() -> None:
    assert gated(finding(), _target(_exempt(could_not_look=True)), TODAY, "high").outcome == "failed"


# -- harmless ---------------------------------------------------------------------------------------------------

_TEXT = ("summary", "observed", "expected", "likely_cause", "resolution", "resource", "resource_name", "exempt_reason")
_LINES = ("evidence", "commands", "locations", "related")


def _spoken(one: Finding) -> list[str]:
    values = [getattr(one, f.name) for f in fields(one)]
    return [v for v in values if isinstance(v, str)] + [x for v in values if isinstance(v, tuple) for x in v]


def _poisoned(text: str) -> Finding:
    more: dict[str, Any] = dict.fromkeys(_TEXT, text) | dict.fromkeys(_LINES, (text, text))
    return replace(finding(), **more, signs=(text,), iam_action=text, unavailable_cause=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_field_of_a_finding_keeps_what_a_terminal_obeys(text: str) -> None:
    for said in _spoken(harmless(_poisoned(text))):
        assert said.isprintable() or said == "", ascii(said[:200])
        assert len(said) <= 4000


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_leaves_a_finding_harmless(text: str) -> None:
    once = harmless(_poisoned(text))
    assert all(said.isprintable() for said in _spoken(once))
    assert harmless(once) == once


def test_a_finding_is_bounded_whatever_is_put_into_it() -> None:
    huge = harmless(
        replace(
            finding(),
            summary="s" * 10_000_000,
            evidence=tuple(f"{n} " + "e" * 3000 for n in range(3000)),
            locations=tuple(f"main.tf:{n}" for n in range(5000)),
            related=tuple(f"r{n}" for n in range(5000)),
            signs=tuple(f"s{n}" for n in range(5000)),
            commands=tuple(f"echo {n}" for n in range(5000)),
        )
    )
    assert len(huge.summary) == 4000
    assert len(huge.evidence) == 41
    assert huge.evidence[-1] == "… 2960 more"
    assert sum(len(said) for said in _spoken(huge)) < 120_000


def test_a_command_that_would_have_to_be_cut_is_not_shown() -> None:
    shown = harmless(finding(commands=("aws x", "echo " + "x" * 5000)))
    assert shown.commands == ("aws x",)


def test_secrets_are_masked_before_anything_is_cut() -> None:
    secret = Secret("Canary-9f8e7d6c5b4a")
    text = "x" * 490 + secret.reveal()
    shown = harmless(finding(evidence=(text,), summary=text, commands=(f"psql postgres://a:{secret.reveal()}@h/db",)))
    assert "Canary" not in repr(shown.as_dict())
    assert shown.commands == ("psql postgres://a:***@h/db",)


def test_what_is_the_checks_own_stays_as_it_is() -> None:
    one = finding(severity="high", stage="prevention", scenario="ecs", title="password=hunter22 is never printed")
    kept = harmless(one)
    assert (kept.id, kept.check, kept.title, kept.severity, kept.stage) == (
        one.id,
        one.check,
        one.title,
        "high",
        "prevention",
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["x", "-eyJ", "a://", "password ", "secret=", "AKIA", "\x1b[", "\x1b]", "eyJaaaaaaaa.", "0a-"]
)
def test_a_line_made_to_be_slow_is_not(piece: str) -> None:
    text = piece * (10_000_000 // len(piece))
    harmless(finding(summary=text, evidence=(text, text), likely_cause=text))
