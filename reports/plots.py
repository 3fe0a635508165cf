"""Curves as inline SVG, drawn by leather: no script, no file, readable on light and dark."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from html import escape

import leather
from leather import theme

from reports.text import one_line

Points = Sequence[tuple[dt.datetime, float]]
_WIDTH = 760
_HEIGHT = 230
_MOST_POINTS = 500
# Beyond it a value is no measurement but a mistake (and infinity, and what is no number, are not below it).
_LARGEST = 1e15
_CURVE, _LIMIT, _MARK = "#3b78d8", "#d93025", "#8a6d00"
# Text takes the page's colour through the style sheet; these only have to be told apart there.
_TEXT, _GRID = "#010203", "#040506"
_FONT = "system-ui, sans-serif"
_LEGEND = re.compile(r"<rect[^>]*/><text[^>]*>Unnamed series</text>")
_DECIMALS = re.compile(r"(\d\.\d)\d+")


def series_svg(
    title: str,
    points: Points,
    threshold: float | None = None,
    marks: Sequence[tuple[dt.datetime, str]] = (),
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
    _dress()
    top = max([v for _, v in points] + ([threshold] if threshold is not None else []))
    bottom = min([0.0, *(v for _, v in points)] + ([threshold] if threshold is not None else []))
    top += (top - bottom or 1.0) * 0.08
    chart = leather.Chart()
    # Leather's own time scale takes no time zones: seconds will do.
    first, last = points[0][0].timestamp(), points[-1][0].timestamp()
    chart.add_x_scale(first, last)
    chart.add_y_scale(bottom, top)
    chart.add_x_axis(ticks=_evenly(first, last), tick_formatter=_instant(last - first))
    chart.add_y_axis(ticks=_evenly(bottom, top), tick_formatter=lambda v, _n, _all: _value(v, unit))
    if threshold is not None:
        chart.add_line([(first, threshold), (last, threshold)], stroke_color=_LIMIT, width=1.5, stroke_dasharray="6 4")
    for at in (at.timestamp() for at, _ in marks):
        if first <= at <= last:
            chart.add_line([(at, bottom), (at, top)], stroke_color=_MARK, width=1, stroke_dasharray="2 3")
    chart.add_line([(at.timestamp(), v) for at, v in points], stroke_color=_CURVE, width=2)
    said = describe(points, threshold, marks, unit, threshold_name)
    return _labelled(str(chart.to_svg(width=_WIDTH, height=_HEIGHT)), title, said)


def describe(
    points: Points,
    threshold: float | None,
    marks: Sequence[tuple[dt.datetime, str]],
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
    return said + "".join(f"; {one_line(word, 80)} at {at:%m-%d %H:%M}" for at, word in marks)


def _thinned(points: list[tuple[dt.datetime, float]]) -> list[tuple[dt.datetime, float]]:
    """At most so many points, each the highest of its stretch, so that no peak gets lost."""
    if len(points) <= _MOST_POINTS:
        return points
    step = math.ceil(len(points) / _MOST_POINTS)
    return [max(points[n : n + step], key=lambda p: p[1]) for n in range(0, len(points), step)]


def _evenly(first: float, last: float) -> list[float]:
    return [first + (last - first) * n / 4 for n in range(5)]


def _instant(length_s: float) -> Callable[[float, int, int], str]:
    form = "%m-%d" if length_s > 2 * 86400 else "%H:%M"
    return lambda at, _n, _all: dt.datetime.fromtimestamp(at, dt.UTC).strftime(form)


def _value(value: float, unit: str) -> str:
    if unit == "USD":
        return f"${value:,.2f}"
    return f"{value:.3g} {one_line(unit, 20)}".strip()


def _dress() -> None:
    theme.background_color = "none"
    theme.margin = 0.02
    theme.label_color = _TEXT
    theme.tick_color = theme.zero_color = _GRID
    theme.tick_font_family = _FONT
    theme.tick_font_size = theme.tick_font_char_height = 12
    theme.tick_font_char_width = 7


def _labelled(svg: str, title: str, description: str) -> str:
    """Leather's SVG without its legend's fixed size and colours, and with a name that is read aloud."""
    svg = svg.replace(f'"{_TEXT}"', '"currentColor"').replace(f'"{_GRID}"', '"var(--line, #ccc)"')
    svg = _LEGEND.sub("", _DECIMALS.sub(r"\1", svg))
    head = (
        f'<svg class="plot" role="img" aria-label="{escape(one_line(title, 200), quote=True)}: '
        f'{escape(description, quote=True)}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    )
    return re.sub(r"^<svg[^>]*?(?= version| xmlns|>)", head, svg, count=1)
