"""Curves as SVG: well-formed, inert, small, with the words for those who do not see them."""

from __future__ import annotations

import datetime as dt
import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.finding import Span, Timeline
from reports.plots import describe, series_svg, timeline_svg
from tests.reports.build import HOSTILE

AT = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)


def _points(*values: float, hours: float = 1) -> list[tuple[dt.datetime, float]]:
    return [(AT + dt.timedelta(hours=hours * n), v) for n, v in enumerate(values)]


def _polylines(svg: str) -> list[ET.Element]:
    return [
        e for e in ET.fromstring(svg).iter() if e.tag.rpartition("}")[2] in ("path", "polyline") and e.get("d", "x")
    ]


def test_a_curve_with_its_limit_and_what_happened() -> None:
    svg = series_svg(
        "p95 of product", _points(0.2, 0.4, 2.5), 2.0, [(AT + dt.timedelta(hours=1), "deployment")], "s", "threshold"
    )
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "p95 of product: 2027-01-02 00:00 to 2027-01-02 02:00 UTC, from 0.2 s to 2.5 s, last 2.5 s; "
        "threshold 2 s, exceeded by 1 of 3 values; deployment at 01-02 01:00"
    )
    assert svg.count("stroke-dasharray") == 2
    assert "Unnamed" not in svg
    assert "#010203" not in svg and "#040506" not in svg


def test_nothing_is_drawn_of_nothing() -> None:
    assert series_svg("t", []) == ""
    assert series_svg("t", _points(1.0)) == ""
    assert series_svg("t", _points(math.nan, math.inf, 1.0)) == ""


def test_a_mark_outside_the_window_is_not_drawn() -> None:
    svg = series_svg("t", _points(1, 2), marks=[(AT - dt.timedelta(days=3), "old")])
    assert "stroke-dasharray" not in svg


def test_thousands_of_points_are_thinned_and_no_peak_is_lost() -> None:
    values = [1.0] * 20_000
    values[12_345] = 99.0
    svg = series_svg("t", _points(*values, hours=0.01))
    assert len(svg) < 30_000
    assert "from 1 to 99," in svg


def test_dollars_and_flat_lines() -> None:
    assert "from $0.00 to $0.00, last $0.00" in series_svg("cost", _points(0, 0, 0), unit="USD")
    assert describe(_points(1234.5, 2), None, (), "USD").endswith("from $2.00 to $1,234.50, last $2.00")


def test_labels_are_round_and_whole() -> None:
    svg = series_svg("t", _points(0.01, 0.04, 0.05, hours=0.25), unit="s")
    labels = [e.text for e in ET.fromstring(svg).iter() if e.tag.rpartition("}")[2] == "text"]
    instants, values = labels[:7], labels[7:]
    assert instants == [f"00:{n:02}" for n in range(0, 31, 5)]
    # Leather draws zero last.
    assert values == ["0.02 s", "0.04 s", "0.06 s", "0 s"]


def _lives(*spans: tuple[int, float, float, str]) -> Timeline:
    end = AT + dt.timedelta(hours=1)
    made = [
        Span(lane=lane, start=AT + dt.timedelta(minutes=a), end=AT + dt.timedelta(minutes=b), kind=kind)
        for lane, a, b, kind in spans
    ]
    return Timeline(
        title="tasks", start=AT, end=end, lanes=("order", "x" * 60), spans=tuple(made), marks=((AT, "deployment"),)
    )


def test_a_timeline_has_a_bar_for_each_task_and_a_dot_where_it_stopped() -> None:
    svg = timeline_svg(_lives((0, -30, 10, "failed"), (0, 11, 60, "running"), (1, 5, 20, "stopped")))
    root = ET.fromstring(svg)
    assert len([e for e in root.iter() if e.tag.rpartition("}")[2] == "circle"]) == 2
    assert root.get("aria-label") == (
        f"tasks: 2027-01-02 00:00 to 01:00 UTC; order: 1 failed, the last at 00:10, 0 stopped as intended, 1 running; "
        f"{'x' * 60}: 0 failed, 1 stopped as intended, 0 running; deployment at 01-02 00:00"
    )
    assert f">{'x' * 21}…<" in svg
    assert timeline_svg(_lives()) == ""


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_names_are_only_names(text: str) -> None:
    svg = series_svg(text, _points(1, 2), 1.5, [(AT, text)], "s", text[:50])
    root = ET.fromstring(svg)
    assert not [e for e in root.iter() if e.tag.rpartition("}")[2] in ("script", "a", "image", "foreignObject", "use")]
    assert not [name for e in root.iter() for name in e.attrib if name.startswith("on") or "href" in name]
    assert not re.search(r"[\x00-\x08\u202a-\u202e]", svg)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=30), st.none() | st.floats(-1e6, 1e6)
)
@settings(max_examples=60, deadline=None)
def test_any_values_make_a_picture_or_none(values: list[float], threshold: float | None) -> None:
    svg = series_svg("t", _points(*values), threshold)
    assert not svg or ET.fromstring(svg) is not None
    assert "nan" not in svg.lower().replace("sans", "") and "inf" not in svg
