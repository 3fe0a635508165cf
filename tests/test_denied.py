"""Could not look: every check whose call is denied is unverified, names the permission, and never passes or fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.gather import REGISTRY
from fixtures.iam import action_of
from fixtures.run import load_facts
from fixtures.sandbox.server import Host
from tests.harness import judged

ROOT = Path(__file__).resolve().parent.parent
load_facts()
# Denied, the suite does not even start (sts) or only the judged cluster's existence is unknown.
_NEVER = {"sts:GetCallerIdentity"}
ACTIONS = sorted({action_of(a.partition("@")[0]) for f in REGISTRY.values() for a in f.asks} - _NEVER)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_denied_action_is_unverified_and_named(host: Host, action: str) -> None:
    facts = {n for n, f in REGISTRY.items() if any(action_of(a.partition("@")[0]) == action for a in f.asks)}
    with judged(host, "-m", "not terraform and not docker", deny=[action]) as found:
        unverified = found.results.of("unverified")

    blamed = [f for f in unverified if f.iam_action]
    assert {f.iam_action for f in blamed} <= {action}, found.explained()
    assert [f for f in unverified if f.unavailable_cause == "defect"] == [], found.explained()
    # What could not be read must not look like something broken.
    assert found.checks("failed") == set(), found.explained()
    assert facts


@pytest.mark.parametrize("status", [401, 403, 404])
def test_github_that_refuses_is_unverified(host: Host, status: int) -> None:
    with judged(host, "-m", "docker", faults=[f"github-refuses-{status}"]) as found:
        last = found.of("check_last_build_succeeded")

    assert last.outcome == "unverified"
    assert last.iam_action == "actions: read"
    assert found.checks("failed") == set(), found.explained()
