"""Could not look: every check whose call is denied is unverified, names the permission, and never passes or fails."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.gather import REGISTRY, closure
from fixtures.iam import action_of
from fixtures.run import facts_of, load_facts, preflight
from fixtures.sandbox.server import Host
from tests.harness import judged

ROOT = Path(__file__).resolve().parent.parent
load_facts()
# Denied, the suite does not even start (sts) or only the judged cluster's existence is unknown.
_NEVER = {"sts:GetCallerIdentity"}
# For these terraform runs, or GitHub is asked; see tests/checks/test_terraform.py and below.
LEFT_OUT = ("check_terraform", "check_docker")
ACTIONS = sorted({action_of(a.partition("@")[0]) for f in REGISTRY.values() for a in f.asks} - _NEVER)


def actions_of(check: Callable[..., None]) -> set[str]:
    """The IAM actions behind the facts of a check, those that every run starts with included."""
    facts = facts_of(inspect.signature(check).parameters)
    return {action_of(a.partition("@")[0]) for f in closure((*preflight(facts), *facts)) for a in f.asks}


def checks_behind(action: str) -> list[str]:
    """Names of the checks that need an action; the others do not notice its denial."""
    files = sorted((ROOT / "checks").glob("check_*.py"))
    modules = [importlib.import_module(f"checks.{f.stem}") for f in files if f.stem not in LEFT_OUT]
    checks = [f for m in modules for f in vars(m).values() if getattr(f, "__name__", "").startswith("check_")]
    return [f.__name__ for f in checks if action in actions_of(f)]


@pytest.mark.parametrize("action", [a for a in ACTIONS if checks_behind(a)])
def test_a_denied_action_is_unverified_and_named(host: Host, action: str) -> None:
    with judged(host, "-k", " or ".join(checks_behind(action)), deny=[action]) as found:
        unverified = found.results.of("unverified")

    blamed = [f for f in unverified if f.iam_action]
    assert {f.iam_action for f in blamed} <= {action}, found.explained()
    assert [f for f in unverified if f.unavailable_cause == "defect"] == [], found.explained()
    # What could not be read must not look like something broken.
    assert found.checks("failed") == set(), found.explained()


@pytest.mark.parametrize("status", [401, 403, 404])
def test_github_that_refuses_is_unverified(host: Host, status: int) -> None:
    with judged(host, "-m", "docker", faults=[f"github-refuses-{status}"]) as found:
        last = found.of("check_last_build_succeeded")

    assert last.outcome == "unverified"
    assert last.iam_action == "actions: read"
    assert found.checks("failed") == set(), found.explained()
