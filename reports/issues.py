"""What to do with GitHub issues after a run: one issue per root cause and per reason why checks could not look.

Pure: ``plan`` compares results with the issues there are. reports/issue_tracker.py talks to GitHub.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from reports import conclusions
from reports.finding import Finding, Results
from reports.text import inert, listed, minute, plural
from reports.to_markdown import escape, section

MOST_NEW = 50
LONGEST_BODY = 65_536  # characters, GitHub's limit
LONGEST_TITLE = 256
_MOST_CHECKS = 1500  # whose fingerprints a marker holds: 25,500 characters
# Only a body's first line counts, and only this project writes it: text from AWS and quotations come later.
_MARKER = re.compile(r"\A<!-- runbook-checks:v1 ([0-9a-f]{16}|-) ([0-9a-f]{16}) ((?:[0-9a-f]{16} )+)-->")
_ID = re.compile(r"[0-9a-f-]*\d[0-9a-f-]*")
_SEEN = ("passed", "failed", "advisory", "not_applicable")
_FINE = ("passed", "advisory")


class Issue(Struct, frozen=True):
    """An issue as it is on GitHub. ``wontfix``: somebody closed it as not planned."""

    number: int
    body: str
    open: bool
    wontfix: bool = False


class Action(Struct, frozen=True):
    """What to do. ``number`` is None for a new issue, ``body`` and ``title`` are "" where they stay as they are."""

    kind: Literal["open", "update", "reopen", "close"]
    number: int | None
    title: str = ""
    body: str = ""
    comment: str = ""


class Plan(Struct, frozen=True):
    """Actions in the order in which to do them, and how many new issues are too many for one run."""

    actions: tuple[Action, ...]
    left_out: int = 0


class _Marker(Struct, frozen=True):
    """Who an issue is about.

    Args:
        cause: fingerprint of the reason why checks could not look, "-" for failures.
        digest: of what a reader cares about.
        checks: fingerprints of target, check and service.
    """

    cause: str
    digest: str
    checks: frozenset[str]

    def __str__(self) -> str:
        return f"<!-- runbook-checks:v1 {self.cause} {self.digest} {' '.join(sorted(self.checks)[:_MOST_CHECKS])} -->"


class _Wanted(Struct, frozen=True):
    """An issue that there should be."""

    marker: _Marker
    title: str
    text: str


def plan(results: Results, issues: Iterable[Issue], most_new: int = MOST_NEW) -> Plan:
    """What to do with which issue.

    An issue whose checks this run did not judge is left alone: not having looked is not having fixed. So is one that
    somebody closed as not planned, and one without this project's marker.

    Args:
        issues: this project's own, i.e. with its label and by its author, open or closed.
        most_new: how many issues to open at most.
    """
    known = {i: m for i in issues if (m := _read(i.body))}
    outcomes = _outcomes(results)
    wanted = _wanted(results)
    own = _matched(wanted, known)
    claimed = frozenset(c for w in wanted for c in w.marker.checks if w.marker.cause == "-")
    new = [_opened(w, results) for w in wanted if w not in own]
    actions = [a for w, i in own.items() if (a := _kept(w, i, known[i], outcomes, claimed, results))]
    rest = {i: m for i, m in known.items() if i.open and i not in own.values()}
    closed = [_closed(i, m, outcomes, results) for i, m in rest.items() if _is_fixed(m, outcomes)]
    return Plan((*closed, *actions, *new[:most_new]), max(0, len(new) - most_new))


def _read(body: str) -> _Marker | None:
    found = _MARKER.match(body)
    return _Marker(found[1], found[2], frozenset(found[3].split())) if found else None


def fingerprint(*parts: str) -> str:
    """The same for the same parts, on every night."""
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]


def _outcomes(results: Results) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in results.findings:
        found.setdefault(fingerprint(*one.key), set()).add(one.outcome)
    return found


def _is_fixed(marker: _Marker, outcomes: dict[str, set[str]]) -> bool:
    """Whether this run judged all that the issue is about, and well; of what could not be seen, whether it was seen."""
    good = _FINE if marker.cause == "-" else _SEEN
    return all(outcomes.get(c, {"not judged"}) <= {*good} for c in marker.checks)


# -- which issues there should be ---------------------------------------------------------------------------------


def _wanted(results: Results) -> list[_Wanted]:
    found = conclusions.found_roots(results)
    orphans = [conclusions.folded_root(f) for f in conclusions.fold(conclusions.unexplained(results, found))]
    return [*(_failure(r) for r in (*found, *orphans)), *_blind(results)]


def _failure(root: conclusions.Root) -> _Wanted:
    first = root.first
    told = (first.severity, first.title, first.likely_cause, first.resolution, *sorted(root.summaries))
    behind = sorted({f.label for f in (*root.consequences, *root.unsure, *root.milder)})
    marker = _Marker("-", _digest((*told, *behind)), _fingerprints(root.findings))
    title = _title(f"[{first.target}] {first.title.rstrip('.')}: {root.where}")
    return _Wanted(marker, title, _fitting(root))


def _blind(results: Results) -> list[_Wanted]:
    """One for each permission that is missing, or other reason, in each target."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for spot in conclusions.blind_spots(results):
        why = spot.iam_action or _ID.sub("#", spot.reason)
        groups.setdefault((spot.findings[0].target, why), []).extend(spot.findings)
    return [_could_not_look(target, why, found) for (target, why), found in groups.items()]


def _could_not_look(target: str, why: str, found: Sequence[Finding]) -> _Wanted:
    labels = sorted({f.label for f in found})
    marker = _Marker(fingerprint(target, "unverified", why), _digest(labels), _fingerprints(found))
    reasons = [f"- {escape(r)}" for r in dict.fromkeys(f.summary for f in found)][:10]
    head = f"### Could not look: {plural(len(found), 'check')}"
    blinded = f"Neither passed nor failed: {escape(listed(labels, 40), 4000)}"
    title = _title(f"[{target}] Could not look: {found[0].summary.removeprefix('could not look: ')}")
    return _Wanted(marker, title, "\n\n".join((head, "\n".join(reasons), blinded)))


def _fingerprints(findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset(fingerprint(*f.key) for f in findings)


def _digest(told: Iterable[str]) -> str:
    # Ids and numbers differ each night without anything being different.
    return fingerprint(*(_ID.sub("#", t) for t in told))


def _title(text: str) -> str:
    # Titles know no Markdown but code, so a backslash would show; an invisible character parts what would be a mention.
    text = re.sub(r"(@|#|://)", "\\1\u2060", inert(text, LONGEST_TITLE).replace("`", "'"))
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"


def _fitting(root: conclusions.Root) -> str:
    """The root's section, with less and less of it until it fits beside the marker."""
    room = LONGEST_BODY - 20 * _MOST_CHECKS - 1000
    bare = replace(root, consequences=(), unsure=(), milder=())
    short = replace(bare, findings=tuple(replace(f, commands=()) for f in root.findings[:10]))
    choices = (root, bare, short)
    told = next((t for r in choices if len(t := section(r)) <= room), escape(root.first.summary))
    return told if told == section(root) else f"{told}\n\n*Shortened: see report.html and results.json.*"


# -- what to do about them ----------------------------------------------------------------------------------------


def _matched(wanted: Sequence[_Wanted], known: dict[Issue, _Marker]) -> dict[_Wanted, Issue]:
    """Each wanted issue's own, at most one: the most alike first, open before closed, old before new."""
    pairs = [(w, i) for w in wanted for i, m in known.items() if _alike(w.marker, m)]
    pairs.sort(key=lambda p: (-_alike(p[0].marker, known[p[1]]), not p[1].open, p[1].number))
    own: dict[_Wanted, Issue] = {}
    taken: set[Issue] = set()
    for want, issue in pairs:
        if want not in own and issue not in taken:
            own[want] = issue
            taken.add(issue)
    return own


def _alike(one: _Marker, other: _Marker) -> float:
    if one.cause != other.cause:
        return 0
    if one.cause != "-":
        return 1
    return len(one.checks & other.checks) / len(one.checks | other.checks)


def _kept(
    want: _Wanted,
    issue: Issue,
    marker: _Marker,
    outcomes: dict[str, set[str]],
    claimed: Collection[str],
    results: Results,
) -> Action | None:
    """What to do with the issue of what is still, or again, wrong; None where nothing is different."""
    if not issue.open:
        if issue.wontfix:
            return None
        back = f"It is back, in the run of {minute(results.started)}."
        return Action("reopen", issue.number, want.title, _body(want, want.marker, results), back)
    good = _FINE if marker.cause == "-" else _SEEN
    # What it was also about and this run did not see fixed stays with it.
    unsettled = {c for c in marker.checks - {*claimed} if not outcomes.get(c, {"not judged"}) <= {*good}}
    now = replace(want.marker, checks=want.marker.checks | unsettled)
    if str(now) == str(marker):
        return None
    return Action("update", issue.number, want.title, _body(want, now, results))


def _opened(want: _Wanted, results: Results) -> Action:
    return Action("open", None, want.title, _body(want, want.marker, results))


def _body(want: _Wanted, marker: _Marker, results: Results) -> str:
    foot = f"As of the run of {minute(results.started)}. This issue closes itself when the checks pass."
    return f"{marker}\n{want.text}\n\n{foot}\n"[:LONGEST_BODY]


def _closed(issue: Issue, marker: _Marker, outcomes: dict[str, set[str]], results: Results) -> Action:
    said = "its checks passed"
    if marker.cause != "-":
        said = "its checks could look again"
    elif any("advisory" in outcomes[c] for c in marker.checks):
        said = "what is left of it is advisory"
    return Action("close", issue.number, comment=f"Fixed: in the run of {minute(results.started)}, {said}.")
