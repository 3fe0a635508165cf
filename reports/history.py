"""A bounded history of runs (``--history FILE``): since when something is wrong, and whether it comes and goes.

One JSON object a line, the newest last::

    {"at": "2027-01-02T03:00:00+00:00", "target": "prod", "mode": "live",
     "passed": ["3f9a01c2"], "wrong": {"check_x[order]": "failed"}}

What passed is kept as short digests, so that a thousand runs stay a few megabytes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from fixtures.whole_files import written_whole
from reports.baseline import Baseline
from reports.finding import WRONG, Finding, Results
from reports.text import one_line

MOST_RUNS = 400  # of all targets together
_LOOKED_BACK = 20
_FLAPS = 4  # changes between right and wrong within the runs looked back at
_LOCK_S = 20.0


class Past(Struct, frozen=True):
    """One target in one earlier run."""

    at: str
    target: str
    mode: str
    passed: frozenset[str]
    wrong: dict[str, str]

    def of(self, finding: Finding) -> str:
        """The outcome that a finding had, "" where it was not judged."""
        name = _name(finding)
        return self.wrong.get(name) or ("passed" if _digest(name) in self.passed else "")


def _name(finding: Finding) -> str:
    return f"{finding.check}[{finding.service}]" if finding.service else finding.check


def _digest(name: str) -> str:
    return hashlib.blake2s(name.encode(), digest_size=4).hexdigest()


def read(path: Path) -> list[Past]:
    """All runs, oldest first; empty where there is no file yet. A line cut short by a crash is passed over.

    Raises:
        pytest.UsageError: it cannot be read, or is something else than a history.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as e:
        raise pytest.UsageError(f"--history: cannot read {path}: {e}") from None
    runs = [run for run in map(_parsed, lines) if run is not None]
    if lines and not runs:
        raise pytest.UsageError(f"--history: {path} is not a history of this suite; name a new file")
    return runs


def _parsed(line: str) -> Past | None:
    try:
        data: Any = json.loads(line)
        wrong = {str(k): str(v) for k, v in data["wrong"].items()}
        at, target, mode = (str(data[k]) for k in ("at", "target", "mode"))
        return Past(one_line(at, 40), target, mode, frozenset(data["passed"]), wrong)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def writable(path: Path) -> None:
    """Make sure before the run that it can be remembered.

    Raises:
        pytest.UsageError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as e:
        raise pytest.UsageError(f"--history: cannot write {path}: {e.strerror}") from None


def look_back(results: Results, past: Sequence[Past]) -> None:
    """Give each finding that is wrong its beginning, and say of each whether it comes and goes."""
    own = {t: [p for p in past if p.target == t and p.mode == results.mode] for t in results.targets}
    results.findings = [_dated(f, own.get(f.target, []), results.started) for f in results.findings]


def _dated(finding: Finding, past: Sequence[Past], now: str) -> Finding:
    if finding.outcome == "not_applicable":
        return finding
    judged = [(p.at, outcome in WRONG) for p in past if (outcome := p.of(finding))]
    judged.append((now, finding.outcome in WRONG))
    recent = [wrong for _, wrong in judged[-_LOOKED_BACK:]]
    flaps = sum(1 for a, b in itertools.pairwise(recent) if a != b)
    return replace(finding, since=_since(judged), flapping=flaps >= _FLAPS)


def _since(judged: Sequence[tuple[str, bool]]) -> str:
    """When the wrong state that lasts until now was first seen, "" if it is right now."""
    since = ""
    for at, wrong in reversed(judged):
        if not wrong:
            break
        since = at
    return since


def last_outcomes(past: Sequence[Past], findings: Iterable[Finding], mode: str) -> Baseline:
    """The newest known outcome of each check, for a run without ``--baseline``."""
    newest = [p for p in reversed(past) if p.mode == mode]
    found = Baseline(name="the history" if newest else "")
    for one in findings:
        outcomes = (p.of(one) for p in newest if p.target == one.target)
        found.by_key[one.key] = next((o for o in outcomes if o), "")
    return found


def append(path: Path, results: Results) -> None:
    """Remember this run, and forget the oldest beyond the bound. Several processes may write at once."""
    # Few runs keep a history.
    from filelock import FileLock

    try:
        with FileLock(f"{path}.lock", timeout=_LOCK_S), written_whole(path) as beside:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            lines += [_line(results, target) for target in results.targets]
            beside.write_text("\n".join([*lines[-MOST_RUNS:], ""]), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        results.notes.append(f"this run could not be added to {path}: {e}")


def _line(results: Results, target: str) -> str:
    own = [f for f in results.findings if f.target == target]
    record = {
        "at": results.started,
        "target": target,
        "mode": results.mode,
        "passed": sorted(_digest(_name(f)) for f in own if f.outcome == "passed"),
        "wrong": {_name(f): f.outcome for f in own if f.outcome in WRONG},
    }
    return json.dumps(record, ensure_ascii=False)
