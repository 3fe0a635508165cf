"""What a diagnosis concludes: the one shape that every check asserts on and every report reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable

Severity = Literal["critical", "high", "medium", "low"]


class Verdict(Struct, frozen=True, kw_only=True):
    """One resource, judged. True when it is as it should be.

    Args:
        resource: ARN or id of what was judged.
        name: what people call it; default the resource.
        observed: what is, as a clause: ``1 of 2 tasks run``.
        expected: what should be, as a clause: ``2 running tasks``.
        evidence: lines that let a reader judge for themselves, most telling first.
        related: ids of the resources this involves (service, database, security groups, …): they tie causes to effects.
        severity: a milder (or graver) one than the check's own, when the finding calls for it.
        signs: what the evidence points to (``network``, ``authentication``, ``dns``, ``memory``, …).
        names: values for the placeholders of the resolution, e.g. ``{"security_group": "sg-1"}``.
        commands: commands to paste, besides the guide's.
        likely_cause: one clause, when the evidence tells it.
        brief: what is wrong in a few words, for a chain of causes; by default the beginning of ``observed``.
        locations: places in files as ``path:line``.
    """

    ok: bool
    resource: str
    observed: str
    expected: str
    name: str = ""
    evidence: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    severity: Severity | None = None
    signs: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    likely_cause: str = ""
    brief: str = ""
    locations: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok

    @property
    def summary(self) -> str:
        """Resource, observed and expected, in one line."""
        line = f"{self.name or self.resource}: {self.observed}; expected {self.expected}"
        return " ".join(line.split())

    def explain(self) -> Verdict:
        """What goes behind the comma of an assertion: ``assert verdict, verdict.explain()``."""
        return self

    def __str__(self) -> str:
        cause = (f"likely cause: {self.likely_cause}",) if self.likely_cause else ()
        return "\n".join((self.summary, *cause, *(f"  {line}" for line in self.evidence)))


_RANK: dict[Severity, int] = {"critical": 4, "high": 3, "medium": 2, "low": 1}


def worst(verdicts: tuple[Verdict, ...], otherwise: Verdict) -> Verdict:
    """One verdict for several parts of a resource: the gravest failing one, with the evidence of all that fail.

    Args:
        otherwise: the verdict when none of them fails.
    """
    failing = [v for v in verdicts if not v]
    if not failing:
        return otherwise
    first = max(failing, key=lambda v: _RANK[v.severity] if v.severity else 5)
    others = [v for v in failing if v is not first]
    evidence = first.evidence + tuple(line for v in others for line in (v.summary, *v.evidence))
    return replace(
        first,
        evidence=tuple(dict.fromkeys(evidence)),
        related=tuple(dict.fromkeys(r for v in (first, *others) for r in v.related)),
        signs=tuple(dict.fromkeys(s for v in (first, *others) for s in v.signs)),
    )


def together(judged: Each[Any, Verdict], nothing: str) -> Verdict:
    """One verdict for several resources, of which some may not apply and some could not be looked at.

    What is broken is told whatever became of the others; fine are they only if all that apply could be looked at.

    Args:
        nothing: why there may be none at all, a clause.

    Raises:
        Unavailable: none is known to be broken, and one could not be looked at.
        NotApplicable: none applies.
    """
    known, failures = tuple(judged.available().values()), tuple(judged.failed().values())
    if any(not v for v in known):
        return worst(known, otherwise=known[0])
    unseen = next((e for e in failures if isinstance(e, Unavailable)), None)
    if unseen is not None:
        raise unseen
    if not known:
        raise next(iter(failures), NotApplicable(nothing))
    return known[0]
