"""What is new, known or fixed since an earlier run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from reports.finding import OUTCOMES, WRONG, Change, Finding, Results
from reports.text import listed, plural

Key = tuple[str, str, str]


class Baseline(Struct):
    """Outcomes of an earlier run. Checks are recognised by target, name and service, or else by id.

    Args:
        name: what to call it.
    """

    name: str = ""
    by_key: dict[Key, str] = field(default_factory=dict)
    by_id: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.name)

    def before(self, finding: Finding) -> str:
        """The outcome that a finding had, "" where it was not judged."""
        return self.by_key.get(finding.key) or self.by_id.get(finding.id, "")


def read_baseline(path: str | None) -> Baseline:
    """The outcomes in an earlier results.json.

    Raises:
        pytest.UsageError: the file is not a results.json.
    """
    if not path:
        return Baseline()
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        checks = [{"id": str(c["id"]), **c, "outcome": _outcome(c["outcome"])} for c in data["checks"]]
        return Baseline(path, _by_key(checks), {c["id"]: c["outcome"] for c in checks})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise pytest.UsageError(f"--baseline: {path} is not a results.json of this suite") from None


def _outcome(value: str) -> str:
    if value not in OUTCOMES:
        raise ValueError(value)
    return value


def _by_key(checks: Sequence[Mapping[str, str]]) -> dict[Key, str]:
    # Other tools may write no more than the contract's fields.
    full = [c for c in checks if {"target", "check", "service"} <= c.keys()]
    return {(c["target"], c["check"], c["service"]): c["outcome"] for c in full}


def change(now: str, before: str) -> Change | None:
    """What became of a finding; None as well where it was wrong and is not judged now.

    Worse counts as new: what could not be seen or was merely advisory, and fails now, is news to whoever is on call.
    """
    if now not in WRONG:
        return "fixed" if before in WRONG and now == "passed" else None
    if before == now or (before, now) == ("failed", "advisory"):
        return "known"
    return "new"


def compare(results: Results, baseline: Baseline) -> None:
    """Give each finding its change, and say what the baseline knows of that was not judged this time."""
    if not baseline:
        return
    results.findings = [replace(f, change=change(f.outcome, baseline.before(f))) for f in results.findings]
    judged = {f.key for f in results.findings if f.outcome != "not_applicable"}
    targets = {f.target for f in results.findings}
    gone = [k for k, o in baseline.by_key.items() if o in WRONG and k[0] in targets and k not in judged]
    if gone:
        names = listed((f"{check}[{service}]" if service else check for _, check, service in gone), 4)
        said = f"{plural(len(gone), 'finding')} of {baseline.name} not judged this time, so neither known nor fixed"
        results.notes.append(f"{said}: {names}")
