"""Lives of tasks for report.html: when each ran and how it ended, taken from facts that a run gathered anyway."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import asdict, replace

from checks.diagnosis import stopped_tasks
from fixtures.model.ecs import Task, TaskDefinition
from fixtures.run import Environment
from reports.finding import KINDS, Span, Timeline
from reports.series import aware, deployments, each, marks_of, within, word_for

_MOST_LANES = 12
_MOST_TASKS = 30  # of a service


def of(environment: Environment, now: dt.datetime) -> list[Timeline]:
    """When tasks ran and stopped, where any stopped within the window."""
    services = each(environment, "service")
    drawn = restarts(
        each(environment, "recently_stopped_tasks"),
        each(environment, "running_tasks"),
        each(environment, "task_definition"),
        now - dt.timedelta(minutes=environment.target.window_min),
        now,
    )
    if drawn is None:
        return []
    marks = deployments(services, each(environment, "service_deployments"))
    own = within([m for name in drawn.lanes for m in marks.get(name, ())], drawn.start, drawn.end)
    return [replace(drawn, target=environment.target.name, marks=own)]


def restarts(
    stopped: dict[str, tuple[Task, ...]],
    running: dict[str, tuple[Task, ...]],
    definitions: dict[str, TaskDefinition],
    start: dt.datetime,
    end: dt.datetime,
) -> Timeline | None:
    """Lives of the tasks of each service of which a task stopped; those with most failures first."""
    recent = {n: [t for t in tasks if t.stopped_at and t.stopped_at >= start] for n, tasks in stopped.items()}
    kinds = {t.arn: _kind(t, definitions.get(n)) for n, tasks in recent.items() for t in tasks}
    # As many as are shown: whoever puts several timelines together sees no others.
    failures = {
        n: min(_MOST_TASKS, sum(1 for t in tasks if kinds[t.arn] == "failed")) for n, tasks in recent.items() if tasks
    }
    lanes = tuple(sorted(failures, key=lambda n: (-failures[n], n))[:_MOST_LANES])
    if not lanes:
        return None
    spans = []
    for lane, name in enumerate(lanes):
        by_age = sorted((*recent[name], *running.get(name, ())), key=lambda t: t.created_at)
        # Rather those that failed than those that came after.
        shown = {t.arn for t in sorted(by_age, key=lambda t: kinds.get(t.arn) == "failed")[-_MOST_TASKS:]}
        lived = [t for t in by_age if t.arn in shown]
        spans += [
            Span(
                lane=lane, start=t.started_at or t.created_at, end=t.stopped_at or end, kind=kinds.get(t.arn, "running")
            )
            for t in lived
        ]
    return Timeline(
        title="tasks from start to stop", start=start, end=end, lanes=lanes, spans=tuple(spans), scenario="ecs"
    )


def joined(found: Iterable[Timeline]) -> list[Timeline]:
    """Each timeline once, with the lanes of all parts of a target that drew it; those with most failures first."""
    same: dict[tuple[str, str], list[Timeline]] = {}
    for one in found:
        same.setdefault((one.target, one.title), []).append(one)
    return [_joined(own) for own in same.values()]


def _joined(parts: Sequence[Timeline]) -> Timeline:
    lives: dict[str, list[Span]] = {}
    for one in parts:
        for lane, name in enumerate(one.lanes):
            own = [s for s in one.spans if s.lane == lane]
            lives[name] = max(own, lives.get(name, []), key=_number_and_end)
    ranked = sorted(lives, key=lambda n: (-sum(1 for s in lives[n] if s.kind == "failed"), n))
    lanes, left_out = ranked[:_MOST_LANES], {word_for(n) for n in ranked[_MOST_LANES:]}
    return replace(
        parts[0],
        start=min(p.start for p in parts),
        end=max(p.end for p in parts),
        lanes=tuple(lanes),
        spans=tuple(replace(s, lane=lane) for lane, name in enumerate(lanes) for s in lives[name]),
        marks=tuple(m for m in marks_of(parts) if m[1] not in left_out),
    )


def _number_and_end(lives: Sequence[Span]) -> tuple[int, dt.datetime | None]:
    return len(lives), max((s.end for s in lives), default=None)


def _kind(task: Task, definition: TaskDefinition | None) -> str:
    essential = [c.name for c in definition.containers if c.essential] if definition else []
    return "stopped" if stopped_tasks.classify(task, essential).benign else "failed"


def as_dict(timeline: Timeline) -> dict[str, Any]:
    """Types that xdist and JSON can carry."""
    spans = [[s.lane, s.start.isoformat(), s.end.isoformat(), s.kind] for s in timeline.spans]
    marks = [[at.isoformat(), word] for at, word in timeline.marks]
    ends = {"start": timeline.start.isoformat(), "end": timeline.end.isoformat()}
    return asdict(timeline) | ends | {"lanes": list(timeline.lanes), "spans": spans, "marks": marks}


def from_dict(data: dict[str, Any]) -> Timeline:
    """Back from as_dict.

    Raises:
        ValueError: a span is in no lane, or of a kind that there is not.
    """
    lanes = tuple(str(n) for n in data["lanes"])
    spans = tuple(
        Span(lane=int(lane), start=aware(start), end=aware(end), kind=str(kind))
        for lane, start, end, kind in data["spans"]
    )
    if any(not 0 <= s.lane < len(lanes) or s.kind not in KINDS for s in spans):
        raise ValueError("a span is in no lane, or of no known kind")
    marks = tuple((aware(at), str(word)) for at, word in data["marks"])
    ends = {"start": aware(data["start"]), "end": aware(data["end"])}
    return Timeline(**data | ends | {"lanes": lanes, "spans": spans, "marks": marks})
