"""Lives of tasks: which services are shown, how each task ended, and that it all travels as plain data."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from msgspec import structs

from fixtures.model.ecs import Task
from reports import timelines
from reports.finding import Span, Timeline
from tests.diagnosis.facts import NOW, ago, definition, stopped_task

START = ago(60)


def _running(minutes: float, **changes: Any) -> Task:
    return structs.replace(stopped_task(), arn="arn:running", started_at=ago(minutes), stopped_at=None, **changes)


def _drawn(stopped: dict[str, tuple[Task, ...]], running: dict[str, tuple[Task, ...]] | None = None) -> Timeline | None:
    return timelines.restarts(stopped, running or {}, {"web": definition()}, START, NOW)


def test_a_crash_a_scale_in_and_a_task_that_runs() -> None:
    scaled_in = stopped_task(20, stopped_reason="Scaling activity initiated by (deployment ecs-svc/1)")
    found = _drawn(
        {"web": (stopped_task(5), scaled_in), "quiet": ()}, {"web": (_running(4),), "quiet": (_running(90),)}
    )
    assert found is not None
    assert found.lanes == ("web",)
    assert [(s.start, s.end, s.kind) for s in found.spans] == [
        (ago(21), ago(20), "stopped"),
        (ago(6), ago(5), "failed"),
        (ago(4), NOW, "running"),
    ]


def test_most_failures_come_first_and_old_stops_do_not_count() -> None:
    crashes = tuple(stopped_task(n) for n in (3, 6, 9))
    found = _drawn({"a": (stopped_task(4),), "web": crashes, "old": (stopped_task(90),)})
    assert found is not None
    assert found.lanes == ("web", "a")
    assert _drawn({"old": (stopped_task(90),)}) is None


def test_a_task_that_never_started_is_shown_from_its_creation() -> None:
    found = _drawn({"web": (stopped_task(5, started_at=None),)})
    assert found is not None
    assert found.spans[0].start == ago(7)


LIVES = Timeline(
    title="tasks", start=START, end=NOW, lanes=("web",), spans=(Span(lane=0, start=ago(9), end=ago(5), kind="failed"),),
    marks=((ago(9), "deployment"),), target="dev", scenario="ecs",
)  # fmt: skip


def test_it_survives_json() -> None:
    assert timelines.from_dict(json.loads(json.dumps(timelines.as_dict(LIVES)))) == LIVES


@pytest.mark.parametrize("span", [[1, "2027-01-02", "2027-01-02", "failed"], [0, "2027-01-02", "2027-01-02", "<b>"]])
def test_a_span_in_no_lane_or_of_no_kind_is_refused(span: list[Any]) -> None:
    with pytest.raises(ValueError, match="no lane"):
        timelines.from_dict(timelines.as_dict(LIVES) | {"spans": [span]})


def test_a_zone_is_always_there() -> None:
    naive = timelines.as_dict(LIVES) | {"start": "2027-01-02T00:00:00"}
    assert timelines.from_dict(naive).start == dt.datetime(2027, 1, 2, tzinfo=dt.UTC)


def _lives(lane: str, *kinds: str) -> Timeline:
    """A part's timeline: one service with tasks that ended like this."""
    spans = tuple(Span(lane=0, start=ago(9), end=ago(5), kind=k) for k in kinds)
    marks = ((ago(9), f"deployment of {lane}"),)
    return structs.replace(LIVES, lanes=(lane,), spans=spans, marks=marks)


def test_lanes_of_several_parts_are_put_together_with_most_failures_first() -> None:
    web, api = _lives("web", "stopped", "failed"), _lives("api", "failed", "failed")
    early = structs.replace(api, start=ago(90))

    (found,) = timelines.joined([web, early, web])

    assert found.lanes == ("api", "web")
    assert [(s.lane, s.kind) for s in found.spans] == [(0, "failed"), (0, "failed"), (1, "stopped"), (1, "failed")]
    assert (found.start, found.end) == (ago(90), NOW)
    assert found.marks == ((ago(9), "deployment of api"), (ago(9), "deployment of web"))


def test_timelines_of_other_targets_stay_apart() -> None:
    prod = structs.replace(LIVES, target="prod")
    assert timelines.joined([LIVES, prod]) == [LIVES, prod]


def test_failures_are_shown_rather_than_what_came_after() -> None:
    crashes = tuple(structs.replace(stopped_task(40 - n), arn=f"arn:crash-{n}") for n in range(5))
    calm = tuple(structs.replace(_running(4), arn=f"arn:calm-{n}") for n in range(timelines._MOST_TASKS))
    found = _drawn({"web": crashes}, {"web": calm})
    assert found is not None
    assert [s.kind for s in found.spans].count("failed") == 5
    assert len(found.spans) == timelines._MOST_TASKS
    assert [s.start for s in found.spans] == sorted(s.start for s in found.spans)


def test_no_more_lanes_than_one_part_would_show() -> None:
    calm = [_lives(f"s{n:02}", "stopped") for n in range(timelines._MOST_LANES)]

    (found,) = timelines.joined([*calm, _lives("web", "failed")])

    assert len(found.lanes) == timelines._MOST_LANES
    assert found.lanes[0] == "web"
    assert "deployment of s11" not in {word for _, word in found.marks}
