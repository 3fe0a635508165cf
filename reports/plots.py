"""Curves as inline SVG, drawn by leather: no script, no file, readable on light and dark."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from html import escape
from types import SimpleNamespace
from typing import Any

import leather
from leather import theme

from reports.finding import Timeline
from reports.text import one_line

Points = Sequence[tuple[dt.datetime, float]]
Marks = Sequence[tuple[dt.datetime, str]]
_WIDTH = 560
_HEIGHT = 190
_LANE_HEIGHT = 34
_AXIS_HEIGHT = 44
_LONGEST_LANE = 22  # letters
_MOST_TICKS = 6
_MOST_VALUES = 5
_MOST_POINTS = 500
# Beyond it a value is no measurement but a mistake (and infinity, and what is no number, are not below it).
_LARGEST = 1e15
_CURVE, _LIMIT, _MARK, _QUIET = "#3b78d8", "#d93025", "#9a7400", "#7a8591"
_SPANS = {"running": _CURVE, "stopped": _QUIET, "failed": _LIMIT}
_STEPS_S = (60, 300, 600, 900, 1800, *(h * 3600 for h in (1, 2, 3, 6, 12)), *(d * 86400 for d in (1, 2, 3, 7, 14, 28)))
# Text takes the page's colour through the style sheet; these only have to be told apart there.
_TEXT, _GRID = "#010203", "#040506"
_FONT = "system-ui, sans-serif"
_LEGEND = re.compile(r"<rect[^>]*/><text[^>]*>Unnamed series</text>")
_TAG = re.compile(r"<[^>]*>")
_DECIMALS = re.compile(r"(\d\.\d)\d+")


def series_svg(
    title: str,
    points: Points,
    threshold: float | None = None,
    marks: Marks = (),
    unit: str = "",
    threshold_name: str = "limit",
) -> str:
    """A curve over time as an ``<svg>`` element, "" where there are not two points to draw a line between.

    Args:
        points: aware UTC instants with values, in time order.
        threshold: a limit, drawn across.
        marks: instants with a word each, drawn as dashed verticals and listed in the description.
    """
    points = _thinned([(at, v) for at, v in points if abs(v) < _LARGEST])
    if len(points) < 2:
        return ""
    first, last = points[0][0].timestamp(), points[-1][0].timestamp()
    values = [0.0, *(v for _, v in points), *([] if threshold is None else [threshold])]
    # A little more than there is, so that nothing lies on the edge.
    bottom, top = min(values), max(values) * 1.05 or 1.0
    chart = _chart(first, last)
    ticks = _round_values(bottom, top)
    bottom, top = ticks[0], ticks[-1]
    chart.set_y_scale(_Exact(bottom, top, ticks))
    chart.add_y_axis(ticks=ticks, tick_formatter=lambda v, _n, _all: _value(v, unit))
    if threshold is not None:
        chart.add_line([(first, threshold), (last, threshold)], stroke_color=_LIMIT, width=1.5, stroke_dasharray="6 4")
    _mark(chart, marks, first, last, bottom, top)
    chart.add_line([(at.timestamp(), v) for at, v in points], stroke_color=_CURVE, width=2)
    said = describe(points, threshold, marks, unit, threshold_name)
    return _labelled(chart, _HEIGHT, title, said)


def timeline_svg(timeline: Timeline) -> str:
    """Lives of tasks as an ``<svg>`` element: a bar from start to stop, a dot where it stopped."""
    first, last = timeline.start.timestamp(), timeline.end.timestamp()
    if not timeline.lanes or not timeline.spans or last <= first:
        return ""
    lanes = len(timeline.lanes)
    names = [_short(one_line(n)) for n in reversed(timeline.lanes)]
    chart = _chart(first, last)
    chart.set_y_scale(_Exact(-0.6, lanes - 0.4, range(lanes)))
    chart.add_y_axis(ticks=range(lanes), tick_formatter=lambda v, _n, _all: names[int(v)])
    _mark(chart, timeline.marks, first, last, -0.6, lanes - 0.4)
    for number, span in enumerate(timeline.spans):
        # Lives that follow each other are shifted a little, so that one which begins early hides none.
        y = lanes - 1 - span.lane + (-0.2, 0.0, 0.2)[number % 3]
        start, end = (min(max(at.timestamp(), first), last) for at in (span.start, span.end))
        chart.add_line([(start, y), (end, y)], stroke_color=_SPANS[span.kind], width=3)
        if span.kind != "running":
            chart.add_dots([(end, y)], fill_color=_SPANS[span.kind], radius=4)
    height = _AXIS_HEIGHT + _LANE_HEIGHT * lanes
    return _labelled(chart, height, timeline.title, describe_timeline(timeline))


def describe_timeline(timeline: Timeline) -> str:
    """The timeline in words."""
    said = [f"{timeline.start:%Y-%m-%d %H:%M} to {timeline.end:%H:%M} UTC"]
    for number, lane in enumerate(timeline.lanes):
        own = [s for s in timeline.spans if s.lane == number]
        failed = [s.end for s in own if s.kind == "failed"]
        quiet, running = (sum(1 for s in own if s.kind == k) for k in ("stopped", "running"))
        newest = f", the last at {max(failed):%H:%M}" if failed else ""
        words = (f"{len(failed)} failed{newest}", f"{quiet} stopped as intended", f"{running} running")
        said.append(f"{one_line(lane, 80)}: {', '.join(words)}")
    return "; ".join(said) + _marked(timeline.marks)


def describe(
    points: Points,
    threshold: float | None,
    marks: Marks,
    unit: str = "",
    threshold_name: str = "limit",
) -> str:
    """The curve in words, for those who do not see it."""
    values = [v for _, v in points]
    threshold_name = one_line(threshold_name, 80)
    said = (
        f"{points[0][0]:%Y-%m-%d %H:%M} to {points[-1][0]:%Y-%m-%d %H:%M} UTC, from {_value(min(values), unit)} "
        f"to {_value(max(values), unit)}, last {_value(values[-1], unit)}"
    )
    if threshold is not None:
        above = sum(1 for v in values if v > threshold)
        said += f"; {threshold_name} {_value(threshold, unit)}, exceeded by {above} of {len(values)} values"
    return said + _marked(marks)


def _marked(marks: Marks) -> str:
    return "".join(f"; {one_line(word, 80)} at {at:%m-%d %H:%M}" for at, word in marks)


class _Exact(leather.Linear):  # type: ignore[misc]
    """A scale with ends and ticks of one's own; leather's looks for its ticks among thousands, for 5 ms each time."""

    def __init__(self, low: float, high: float, ticks: Iterable[float]) -> None:
        self._data_min, self._data_max = Decimal(low), Decimal(high)
        self._ticker = SimpleNamespace(min=self._data_min, max=self._data_max, ticks=list(ticks))


def _chart(first: float, last: float) -> Any:
    """An empty chart over a stretch of time. Leather's own time scale takes no time zones: seconds will do."""
    _dress()
    ticks = _round_instants(first, last)
    chart = leather.Chart()
    chart.set_x_scale(_Exact(first, last, ticks))
    chart.add_x_axis(ticks=ticks, tick_formatter=_instant(last - first))
    return chart


def _mark(chart: Any, marks: Marks, first: float, last: float, bottom: float, top: float) -> None:
    for at in (at.timestamp() for at, _ in marks):
        if first <= at <= last:
            chart.add_line([(at, bottom), (at, top)], stroke_color=_MARK, width=1.5, stroke_dasharray="2 3")


def _thinned(points: list[tuple[dt.datetime, float]]) -> list[tuple[dt.datetime, float]]:
    """At most so many points, each the highest of its stretch, so that no peak gets lost."""
    if len(points) <= _MOST_POINTS:
        return points
    step = math.ceil(len(points) / _MOST_POINTS)
    return [max(points[n : n + step], key=lambda p: p[1]) for n in range(0, len(points), step)]


def _round_values(bottom: float, top: float) -> list[float]:
    """Some multiples of 1, 2 or 5 times a power of ten, from the last below all values to the first above them."""
    power = 10 ** math.floor(math.log10(max(top - bottom, 1e-300) / _MOST_VALUES))
    step = next(power * n for n in (1, 2, 5, 10) if (top - bottom) / (power * n) <= _MOST_VALUES)
    return [n * step for n in range(math.floor(bottom / step), math.ceil(top / step) + 1)]


def _round_instants(first: float, last: float) -> list[float]:
    """Full minutes, hours or days, a few of them."""
    step = next((s for s in _STEPS_S if (last - first) / s <= _MOST_TICKS), (last - first) / _MOST_TICKS)
    inside = [n * step for n in range(math.ceil(first / step), math.floor(last / step) + 1)]
    return inside or [first, last]


def _instant(length_s: float) -> Callable[[float, int, int], str]:
    form = "%m-%d" if length_s > 2 * 86400 else "%H:%M"
    return lambda at, _n, _all: dt.datetime.fromtimestamp(at, dt.UTC).strftime(form)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LANE else f"{name[: _LONGEST_LANE - 1]}…"


def _value(value: float, unit: str) -> str:
    if unit == "USD":
        return f"${value:,.2f}"
    return f"{value:.3g} {one_line(unit, 20)}".strip()


def _dress() -> None:
    theme.background_color = "none"
    theme.margin = 0.03
    theme.label_color = _TEXT
    theme.tick_color = theme.zero_color = _GRID
    theme.tick_font_family = _FONT
    theme.tick_font_size = theme.tick_font_char_height = 12
    theme.tick_font_char_width = 7
    # No legend: what a line means is said in the caption.
    theme.legend_font_char_height = theme.legend_gap = 0


def _labelled(chart: Any, height: int, title: str, description: str) -> str:
    """Leather's SVG without its legend's fixed size and colours, and with a name that is read aloud."""
    svg = str(chart.to_svg(width=_WIDTH, height=height))
    svg = svg.replace(f'"{_TEXT}"', '"currentColor"').replace(f'"{_GRID}"', '"var(--line, #ccc)"')
    # Coordinates to a tenth; the labels between the tags stay as they are.
    svg = _TAG.sub(lambda tag: _DECIMALS.sub(r"\1", tag[0]), _LEGEND.sub("", svg))
    head = (
        f'<svg class="plot" role="img" aria-label="{escape(one_line(title, 200), quote=True)}: '
        f'{escape(description, quote=True)}" viewBox="0 0 {_WIDTH} {height}"'
    )
    return re.sub(r"^<svg[^>]*?(?= version| xmlns|>)", lambda _: head, svg, count=1)
