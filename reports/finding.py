"""A finding: what one check says of one resource. The one shape that every report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Outcome = Literal["passed", "failed", "advisory", "unverified", "not_applicable"]
Change = Literal["new", "known", "fixed"]
SEVERITIES = ("critical", "high", "medium", "low")
BROKEN = ("failed", "advisory")
SCENARIOS = ("ecs", "database", "alb", "latency", "docker", "terraform", "cost")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """See docs and reports/results.schema.json for the meaning of each field; all are plain data."""

    id: str
    check: str
    title: str
    scenario: str
    severity: str
    stage: str
    outcome: Outcome
    target: str
    resource: str = ""
    resource_name: str = ""
    service: str = ""
    summary: str = ""
    observed: str = ""
    expected: str = ""
    likely_cause: str = ""
    evidence: tuple[str, ...] = ()
    resolution: str = ""
    prevention: str = ""
    commands: tuple[str, ...] = ()
    console_url: str = ""
    caused_by: tuple[str, ...] = ()
    declared_causes: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    unavailable_cause: str = ""
    iam_action: str = ""
    exempt_until: str | None = None
    exempt_reason: str = ""
    change: Change | None = None
    duration_s: float = 0.0

    @property
    def broken(self) -> bool:
        """Whether the resource is not as it should be, gravely or not."""
        return self.outcome in BROKEN

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """Back from as_dict, e.g. out of an xdist message."""
        known = {f.name for f in fields(cls)}
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known}
        return cls(**plain)


def outcome_of(phase: str, passed: bool, skipped: bool, judged: bool) -> Outcome:
    """What a pytest report means.

    Args:
        phase: setup, call or teardown.
        judged: a call that failed by an assertion on facts, rather than by anything else.
    """
    if passed:
        return "passed"
    if skipped:
        return "not_applicable"
    return "failed" if phase == "call" and judged else "unverified"


def is_milder(severity: str, limit: str) -> bool:
    """Whether a severity lies below a limit."""
    return SEVERITIES.index(severity) > SEVERITIES.index(limit)


@dataclass
class Results:
    """Everything that a run found, gathered in the controlling process."""

    findings: list[Finding] = field(default_factory=list)
    roots: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    mode: str = "live"
    targets: tuple[str, ...] = ()
    account: str = ""
    region: str = ""
    started: str = ""
    duration_s: float = 0.0
    exit_code: int = 0
    api: dict[str, Any] = field(default_factory=lambda: {"requests": 0, "distinct": 0, "by_operation": {}})

    def of(self, *outcomes: str) -> list[Finding]:
        """Findings with one of the outcomes, gravest first."""
        chosen = [f for f in self.findings if f.outcome in outcomes]
        return sorted(chosen, key=lambda f: (SEVERITIES.index(f.severity), SCENARIOS.index(f.scenario), f.id))

    def find(self, finding_id: str) -> Finding:
        """A finding by id."""
        return next(f for f in self.findings if f.id == finding_id)
