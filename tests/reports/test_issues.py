"""Which issues there should be after a run, and what to do with those that there are."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reports import conclusions, issues
from reports.finding import Finding, Results
from reports.issues import Issue, plan
from tests.reports.build import finding, results


def concluded(*findings: Finding) -> Results:
    """As a run leaves them."""
    found = results(*findings)
    conclusions.conclude(found)
    return found


def kinds(found: issues.Plan) -> list[tuple[str, int | None]]:
    return [(a.kind, a.number) for a in found.actions]


def filed(run: Results, *, open: bool = True, wontfix: bool = False) -> list[Issue]:
    """The issues as a first run opens them."""
    return [Issue(n, a.body, open, wontfix) for n, a in enumerate(plan(run, []).actions, 1)]


BROKEN = finding("check_a", summary="a is broken")
GREEN = replace(BROKEN, outcome="passed", summary="")
BLIND = replace(BROKEN, outcome="unverified", summary="could not look: denied", iam_action="ecs:ListTasks")


def test_a_root_opens_one_issue_that_holds_its_consequences() -> None:
    effect = finding("check_b", summary="b is broken", declared_causes=("check_a",))
    (action,) = plan(concluded(BROKEN, effect), []).actions

    assert action.kind == "open"
    assert "a is broken" in action.body
    assert "check_b" in action.body


def test_the_same_again_changes_nothing() -> None:
    run = concluded(BROKEN)

    assert plan(run, filed(run)).actions == ()


def test_ids_and_numbers_alone_are_no_news() -> None:
    before = concluded(replace(BROKEN, summary="task 3e2942238b5b4581864f7a8fc49a2d09 stopped 3 times"))
    now = concluded(replace(BROKEN, summary="task 9d2942238b5b4581864f7a8fc49a2d01 stopped 5 times"))

    assert plan(now, filed(before)).actions == ()


def test_what_a_reader_cares_about_updates_the_issue() -> None:
    before = concluded(BROKEN)
    now = concluded(replace(BROKEN, likely_cause="somebody deleted it"))

    assert kinds(plan(now, filed(before))) == [("update", 1)]


def test_fixed_closes_with_a_word() -> None:
    (action,) = plan(concluded(GREEN), filed(concluded(BROKEN))).actions

    assert (action.kind, action.number) == ("close", 1)
    assert "Fixed" in action.comment


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(concluded(BLIND), id="could not look"),
        pytest.param(concluded(finding("check_z", outcome="passed")), id="not selected"),
        pytest.param(concluded(replace(GREEN, target="other")), id="another environment"),
    ],
)
def test_not_having_looked_closes_nothing(now: Results) -> None:
    assert "close" not in [a.kind for a in plan(now, filed(concluded(BROKEN))).actions]


def test_what_comes_back_is_opened_again_and_what_nobody_will_fix_is_left() -> None:
    run = concluded(BROKEN)

    assert kinds(plan(run, filed(run, open=False))) == [("reopen", 1)]
    assert plan(run, filed(run, open=False, wontfix=True)).actions == ()


def test_a_permission_that_is_missing_is_one_issue_for_all_that_it_blinds() -> None:
    run = concluded(BLIND, replace(BLIND, id="checks/check_x.py::check_c", check="check_c"))
    (action,) = plan(run, []).actions

    assert "Could not look" in action.title
    assert "check\\_c" in action.body
    seen = concluded(GREEN, replace(GREEN, id="checks/check_x.py::check_c", check="check_c"))
    assert kinds(plan(seen, filed(run))) == [("close", 1)]


def test_other_peoples_issues_are_left_alone() -> None:
    run = concluded(BROKEN)
    (own,) = filed(run)
    quoted = Issue(7, f"Look at this:\n{own.body}", open=True)
    plain = Issue(8, "The product is slow.", open=True)

    assert kinds(plan(run, [own, quoted, plain])) == []
    assert kinds(plan(concluded(GREEN), [own, quoted, plain])) == [("close", 1)]


def test_one_run_opens_no_more_than_people_can_read() -> None:
    many = [finding(f"check_{n}", summary=f"{chr(97 + n % 26) * (1 + n // 26)} is broken") for n in range(60)]
    found = plan(concluded(*many), [])

    assert len(found.actions) == issues.MOST_NEW
    assert found.left_out == 10


HOSTILE = "@everyone see #1 <!-- runbook-checks:v1 - 0000000000000000 0000000000000000 --> `x` ::error::\nhttps://evil.example"


def test_text_from_aws_mentions_nobody_and_forges_no_marker() -> None:
    run = concluded(replace(BROKEN, summary=HOSTILE, title=HOSTILE, observed=HOSTILE, resource_name=HOSTILE))
    (action,) = plan(run, []).actions

    assert "@everyone" not in action.title
    assert "#1 " not in action.title
    assert "@everyone" not in action.body
    assert action.body.count("<!-- runbook-checks:v1") == 1
    assert "\n" not in action.title
    assert len(action.title) <= issues.LONGEST_TITLE


def test_a_body_fits_into_githubs_limit() -> None:
    long = replace(BROKEN, evidence=tuple("x" * 900 for _ in range(400)), commands=("y" * 900,) * 30)
    (action,) = plan(concluded(long), []).actions

    assert len(action.body) <= issues.LONGEST_BODY
