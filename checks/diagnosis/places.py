"""Problems at places in files, and one verdict over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict

# A problem without a severity of its own has the check's, which lies between those that make it graver or milder.
_RANK: Mapping[Severity | None, float] = {"critical": 4, "high": 3, None: 2.5, "medium": 2, "low": 1}


class Problem(Struct, frozen=True):
    """Something wrong at a place.

    Args:
        path: file, relative to the repository's root.
        line: 1 is the first; 0 speaks of the whole file.
        words: what is wrong, as a clause.
        severity: graver or milder than the check's own.
    """

    path: str
    line: int
    words: str
    severity: Severity | None = None

    @property
    def place(self) -> str:
        """``path:line``, or the path alone."""
        return f"{self.path}:{self.line}" if self.line else self.path


def over_files(
    problems: Sequence[Problem],
    *,
    subject: str,
    fine: str,
    expected: str,
    names: Mapping[str, str] | None = None,
) -> Verdict:
    """One verdict over several files: it speaks of the gravest problem, and lists all.

    Args:
        subject: what was judged, where nothing is wrong: ``3 Dockerfiles``.
        fine: what is observed where nothing is wrong.
        names: placeholders besides ``file`` and ``dockerfile``, which are the first problem's path.
    """
    ordered = sorted(problems, key=lambda p: -_RANK[p.severity])
    if not ordered:
        return Verdict(ok=True, resource=subject, observed=fine, expected=expected, related=("build",))
    first = ordered[0]
    more = f", and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return Verdict(
        ok=False,
        resource=first.path,
        observed=f"{first.words}{f' (line {first.line})' if first.line else ''}{more}",
        expected=expected,
        evidence=tuple(f"{p.place}: {p.words}" for p in ordered),
        severity=first.severity,
        locations=tuple(dict.fromkeys(f"{p.path}:{max(1, p.line)}" for p in ordered)),
        related=("build",),
        names={"file": first.path, "dockerfile": first.path, **(names or {})},
    )
