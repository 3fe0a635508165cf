"""A finding: what one check says of one resource. The one shape that every report is made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

Outcome = Literal["passed", "failed", "advisory", "unverified", "not_applicable"]
Change = Literal["new", "known", "fixed"]
OUTCOMES: tuple[Outcome, ...] = ("failed", "unverified", "advisory", "passed", "not_applicable")
WRONG = ("failed", "advisory", "unverified")
BROKEN = ("failed", "advisory")
SEVERITIES = ("critical", "high", "medium", "low")
SCENARIOS = ("ecs", "database", "alb", "latency", "docker", "terraform", "cost")


class Finding(Struct, frozen=True, kw_only=True):
    """See reports/results.schema.json for the meaning of each field; all are plain data, harmless and bounded."""

    id: str
    check: str
    title: str
    scenario: str
    severity: str
    stage: str
    step: str = ""
    outcome: Outcome
    target: str
    resource: str = ""
    resource_name: str = ""
    service: str = ""
    summary: str = ""
    observed: str = ""
    expected: str = ""
    likely_cause: str = ""
    brief: str = ""
    evidence: tuple[str, ...] = ()
    resolution: str = ""
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
    since: str = ""
    flapping: bool = False
    duration_s: float = 0.0

    @property
    def broken(self) -> bool:
        """Whether the resource is not as it should be, gravely or not."""
        return self.outcome in BROKEN

    @property
    def excused(self) -> bool:
        """Whether it could not be looked at, and for now need not be: the target says so."""
        return self.outcome == "not_applicable" and bool(self.exempt_until)

    @property
    def label(self) -> str:
        """``check_x[product]``: the finding in few words."""
        _, bracket, parameters = self.id.partition("[")
        return f"{self.check}{bracket}{parameters}"

    @property
    def names(self) -> tuple[str, ...]:
        """What people may call the resource: its ARN or id, its name, its service's short name."""
        return tuple(n for n in (self.resource, self.resource_name, self.service) if n)

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same from run to run, however many targets are judged together."""
        return self.target, self.check, self.service

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """Back from as_dict, e.g. out of an xdist message or results.json."""
        known = cls.__struct_fields__
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known}
        return cls(**plain)


class Series(Struct, frozen=True, kw_only=True):
    """A curve to draw in report.html.

    Args:
        title: what it is, e.g. ``p95 response time of load balancer product``.
        unit: ``s``, ``USD``, ``%``; shown behind values.
        points: values in time order, aware UTC; at least two to be drawn.
        threshold: a limit, drawn as a line.
        threshold_name: what the limit is called.
        marks: instants that matter, each with a word: ``(at, "deployment")``.
        scenario: where in the report it belongs.
    """

    title: str
    unit: str
    points: tuple[tuple[dt.datetime, float], ...]
    threshold: float | None = None
    threshold_name: str = "limit"
    marks: tuple[tuple[dt.datetime, str], ...] = ()
    target: str = ""
    scenario: str = ""


KINDS = ("running", "stopped", "failed")


class Span(Struct, frozen=True, kw_only=True):
    """One task's life in a timeline. ``kind`` is ``running``, ``stopped`` (as intended) or ``failed``."""

    lane: int
    start: dt.datetime
    end: dt.datetime
    kind: str


class Timeline(Struct, frozen=True, kw_only=True):
    """When tasks ran and how they ended, a lane for each service.

    Args:
        start, end: what is shown; spans may reach beyond it.
        lanes: names, from top to bottom.
        marks: instants that matter, each with a word.
    """

    title: str
    start: dt.datetime
    end: dt.datetime
    lanes: tuple[str, ...]
    spans: tuple[Span, ...]
    marks: tuple[tuple[dt.datetime, str], ...] = ()
    target: str = ""
    scenario: str = ""


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


def rank(finding: Finding) -> tuple[int, int, str, str]:
    """For sorting: gravest first, then by scenario. Scenarios of a user's own guide come last."""
    scenario = SCENARIOS.index(finding.scenario) if finding.scenario in SCENARIOS else len(SCENARIOS)
    return SEVERITIES.index(finding.severity), scenario, finding.scenario, finding.id


def empty_api() -> dict[str, Any]:
    """The count of no requests at all."""
    return {"requests": 0, "distinct": 0, "waited_s": 0.0, "by_operation": {}}


class Results(Struct):
    """Everything that a run found, gathered in the controlling process.

    Args:
        notes: what a reader must know besides the findings, a line each.
        accounts: account by target, where it is known.
        regions: Region by target.
        selection: paths, ``-m``, ``-k`` and ``--shard`` as they were given, "" where all checks were asked for.
        not_judged: how many selected checks the run did not come to, because it was stopped.
        expanded: how many more checks there are than pytest collected, which counts "every service" as one.
        other_errors: what went wrong besides the checks: where, what, and all that was said.
    """

    findings: list[Finding] = field(default_factory=list)
    roots: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    mode: str = "live"
    targets: tuple[str, ...] = ()
    accounts: dict[str, str] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    started: str = ""
    selection: str = ""
    duration_s: float = 0.0
    exit_code: int = 0
    api: dict[str, Any] = field(default_factory=empty_api)
    series: list[Series] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    not_judged: int = 0
    expanded: int = 0
    other_errors: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def account(self) -> str:
        """The account, or all of them."""
        return ", ".join(dict.fromkeys(a for a in self.accounts.values() if a))

    @property
    def region(self) -> str:
        """The Region, or all of them."""
        return ", ".join(dict.fromkeys(r for r in self.regions.values() if r))

    def of(self, *outcomes: str) -> list[Finding]:
        """Findings with one of the outcomes, gravest first."""
        return sorted((f for f in self.findings if f.outcome in outcomes), key=rank)

    def about(self, target: str) -> Results:
        """The part of the results that is about one target."""
        own = [f for f in self.findings if f.target == target]
        ids = {f.id for f in own}
        return Results(own, tuple(r for r in self.roots if r in ids), mode=self.mode, targets=(target,))
