"""What findings add up to: roots, chains, what is folded, what could not be seen, and the words for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import conclusions
from reports.finding import OUTCOMES, Finding, Results
from tests.reports.build import finding, results


def _because(check: str, *causes: str, service: str = "", **more: object) -> Finding:
    return finding(check, service, declared_causes=causes, **more)


# -- roots ------------------------------------------------------------------------------------------------------


def test_a_chain_leads_from_the_farthest_consequence_to_the_root() -> None:
    run = results(
        _because("check_answers", "check_healthy"),
        _because("check_healthy", "check_connects"),
        _because("check_connects", "check_admits"),
        _because("check_admits"),
    )
    (root,) = conclusions.found_roots(run)
    assert root.first.check == "check_admits"
    assert [f.check for f in root.consequences] == ["check_connects", "check_healthy", "check_answers"]
    assert [i.partition("::")[2] for i in root.chain] == [
        "check_answers",
        "check_healthy",
        "check_connects",
        "check_admits",
    ]
    assert conclusions.unexplained(run, [root]) == []


@pytest.mark.parametrize(
    ("services", "said"),
    [
        # One service is named once; what is shared stands for itself.
        (("order", "order", "order"), "order: 4 tasks stopped ← TLS required in its log ← rds.force_ssl 1"),
        (("order", "order", ""), "order: 4 tasks stopped ← order: TLS required in its log ← shop-db: rds.force_ssl 1"),
    ],
)
def test_a_chain_in_words(services: tuple[str, str, str], said: str) -> None:
    stopped, logs, database = services
    run = results(
        _because("check_stops", "check_logs", service=stopped, observed="4 tasks stopped (exit code 1), more: 5 min"),
        _because("check_logs", "check_tls", service=logs, observed="many", brief="TLS required in its log"),
        _because("check_tls", service=database, resource_name="shop-db", observed="rds.force_ssl 1; and more"),
    )
    (root,) = conclusions.found_roots(run)
    assert conclusions.told(root) == said


def test_what_the_evidence_speaks_for_is_probable_first() -> None:
    run = results(
        _because("check_logs", "check_secret", "check_rules", signs=("network",)),
        finding("check_secret", outcome="unverified"),
        finding("check_rules", outcome="unverified", signs=("network",)),
        finding("check_tls", outcome="unverified", signs=("tls",)),
    )
    (root,) = conclusions.found_roots(run)
    assert [f.check for f in root.unsure] == ["check_rules", "check_secret"]


def test_the_same_cause_on_several_services_is_one_root() -> None:
    run = results(
        *(_because("check_admits", service=s, observed=f"{s} is refused on port 5432") for s in ("a-api", "b-api"))
    )
    (root,) = conclusions.found_roots(run)
    assert root.where == "a-api and b-api"
    assert len(root.summaries) == 2
    assert root.commands == ("aws ecs describe-services --cluster dev",)


@pytest.mark.parametrize(
    "other",
    [
        {"severity": "critical"},
        {"observed": "the rule is gone"},
        {"likely_cause": "somebody removed it"},
        {"target": "prod"},
    ],
)
def test_what_differs_in_cause_severity_or_target_is_not_folded(other: dict[str, object]) -> None:
    run = results(_because("check_admits", service="a"), _because("check_admits", service="b", **other))
    assert len(conclusions.found_roots(run)) == 2


def test_unrelated_failures_are_roots_of_their_own_gravest_first() -> None:
    run = results(
        _because("check_a", service="x", severity="high"),
        _because("check_b", service="y", severity="critical"),
    )
    assert [r.first.check for r in conclusions.found_roots(run)] == ["check_b", "check_a"]
    assert conclusions.verdict(run) == "2 of 2 checks failed, 2 root causes"


def test_failures_that_explain_each_other_have_a_root_all_the_same() -> None:
    run = results(_because("check_a", "check_b"), _because("check_b", "check_a"))
    (root,) = conclusions.found_roots(run)
    assert len(root.consequences) == 1
    assert len(root.chain) == 2


def test_what_was_not_seen_or_is_merely_advisory_may_lie_behind_a_root_but_is_none() -> None:
    run = results(
        _because("check_healthy", "check_secret", "check_rotation"),
        finding("check_secret", outcome="unverified"),
        finding("check_rotation", outcome="advisory"),
    )
    (root,) = conclusions.found_roots(run)
    assert root.first.check == "check_healthy"
    assert [f.check for f in root.unsure] == ["check_secret"]
    assert [f.check for f in root.milder] == ["check_rotation"]
    assert root.consequences == ()
    assert root.chain == ()


def test_environments_never_explain_each_other() -> None:
    run = results(_because("check_a", "check_b", target="dev"), finding("check_b", target="prod"))
    assert len(conclusions.found_roots(run)) == 2


_CHECKS = [f"check_{c}" for c in "abcdef"]
_FINDINGS = st.lists(
    st.builds(
        lambda check, service, outcome, causes, target: finding(
            check, service, outcome, declared_causes=tuple(causes), target=target, id=f"c::{check}[{target}-{service}]"
        ),
        st.sampled_from(_CHECKS),
        st.sampled_from(["", "product", "order"]),
        st.sampled_from(OUTCOMES),
        st.lists(st.sampled_from(_CHECKS), max_size=3, unique=True),
        st.sampled_from(["dev", "prod"]),
    ),
    unique_by=lambda f: f.id,
    max_size=14,
)


@given(_FINDINGS)
def test_every_failure_is_a_root_or_explained_by_one_however_causes_lie(found: list[Finding]) -> None:
    run = results(*found)
    roots = conclusions.found_roots(run)
    assert conclusions.unexplained(run, roots) == []
    assert bool(roots) == bool(run.of("failed"))
    assert {f.id for r in roots for f in r.findings} == set(run.roots)
    for root in roots:
        assert not {f.id for f in root.findings} & {f.id for f in root.consequences}
        assert all(f.outcome == "failed" and f.target == root.first.target for f in root.consequences)
        assert len(set(root.chain)) == len(root.chain)
        assert not root.chain or root.chain[-1] in {f.id for f in root.findings}
    assert conclusions.exit_code(run) == int(any(f.outcome in ("failed", "unverified") for f in found))
    assert sum(conclusions.counts(run).values()) == len(found)
    assert "\n" not in conclusions.verdict(run)


# -- what could not be seen ----------------------------------------------------------------------------------------


def test_blind_spots_are_told_by_reason_the_one_that_blinds_most_first() -> None:
    denied = {"outcome": "unverified", "summary": "denied: rds:X", "iam_action": "rds:X"}
    run = results(
        finding("check_a", outcome="unverified"),
        finding("check_b", **denied),
        finding("check_c", **denied),
        finding("check_d", target="prod", **denied),
    )
    first, *others = conclusions.blind_spots(run)
    assert (first.reason, first.iam_action) == ("denied: rds:X", "rds:X")
    assert [f.check for f in first.findings] == ["check_b", "check_c"]
    assert len(others) == 2


def test_folded_labels_name_every_service() -> None:
    folded = conclusions.fold([finding("check_a", "product"), finding("check_a", "order"), finding("check_b")])
    assert [f.label for f in folded] == ["check_a[product, order]", "check_b"]


# -- words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "said", "code"),
    [
        ({"passed": 3}, "all 3 checks passed", 0),
        ({"passed": 1}, "all 1 check passed", 0),
        ({"passed": 3, "not_applicable": 2}, "all 3 checks passed, 2 not applicable", 0),
        ({"passed": 3, "advisory": 1}, "nothing failed: 3 checks passed, 1 advisory", 0),
        ({"passed": 1, "advisory": 2}, "nothing failed: 1 check passed, 2 advisories", 0),
        ({"passed": 3, "unverified": 1}, "nothing failed, but 1 of 4 checks could not look", 1),
        ({"failed": 1}, "1 of 1 check failed, 1 root cause", 1),
        ({"failed": 2, "passed": 2, "unverified": 1, "advisory": 1, "not_applicable": 1},
         "2 of 6 checks failed, 2 root causes, 1 check could not look, 1 advisory, 1 not applicable", 1),
        ({"not_applicable": 2}, "nothing to judge, 2 not applicable", 0),
        ({}, "nothing to judge", 0),
    ],
)  # fmt: skip
def test_the_run_in_one_clause(outcomes: dict[str, int], said: str, code: int) -> None:
    run = results(*(finding(f"check_{o}_{n}", f"s{o}{n}", o) for o, number in outcomes.items() for n in range(number)))
    assert conclusions.verdict(run) == said
    assert conclusions.exit_code(run) == code


def test_a_run_that_was_stopped_says_so_and_is_not_green() -> None:
    run = results(finding(outcome="passed"), not_judged=7)
    assert conclusions.verdict(run) == "nothing failed so far: 1 check passed, STOPPED EARLY with 7 not judged"
    assert conclusions.exit_code(run) == 1


def test_changes_are_counted_only_against_a_baseline() -> None:
    assert conclusions.changes(results(finding())) == ""
    run = results(
        finding("check_a", change="new"),
        finding("check_b", change="known"),
        finding("check_c", outcome="passed", change="fixed"),
    )
    assert conclusions.changes(run) == "1 new, 1 fixed, 1 known"
    assert [f.check for f in conclusions.fixed(run)] == ["check_c"]


def test_mode_names_where_it_looked() -> None:
    assert conclusions.mode(results(finding())) == "LIVE dev (123456789012 us-east-1)"
    assert conclusions.mode(results(finding(), mode="sandbox")) == "SANDBOX dev"
    assert conclusions.mode(Results(targets=("dev",))) == "LIVE dev"
