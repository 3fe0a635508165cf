"""The picture of a root cause and what it explains."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from reports import conclusions, graph
from reports.finding import Finding
from tests.reports.build import HOSTILE, finding, many, results


def _drawn(*found: Finding, links: dict[str, str] | None = None) -> ET.Element:
    (root,) = conclusions.found_roots(results(*found))
    return ET.fromstring(f"<x>{graph.draw(root, links or {})}</x>")


def _boxes(drawn: ET.Element) -> list[tuple[float, float, float, float]]:
    found = [e for e in drawn.iter() if e.tag.rpartition("}")[2] == "rect"]
    return [tuple(float(e.get(k, 0)) for k in ("x", "y", "width", "height")) for e in found]  # type: ignore[misc]


def test_a_root_that_explains_nothing_is_not_drawn() -> None:
    (root,) = conclusions.found_roots(results(finding()))
    assert graph.draw(root, {}) == ""


def test_consequences_are_right_of_their_cause_and_overlap_nothing() -> None:
    found = [finding("check_root"), *(finding(f"check_{n}", declared_causes=("check_root",)) for n in range(4))]
    found += [finding(f"check_far_{n}", declared_causes=(f"check_{n}",)) for n in range(4)]
    drawn = _drawn(*found)
    boxes = _boxes(drawn)
    assert len(boxes) == 9
    assert sorted({x for x, *_ in boxes}) == [2.0, 292.0, 582.0]
    assert len(set(boxes)) == 9
    svg = next(e for e in drawn.iter() if e.tag.rpartition("}")[2] == "svg")
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    assert all(x + w <= width and y + h <= height for x, y, w, h in boxes)


def test_services_with_the_same_to_say_share_a_box_that_links_to_its_card() -> None:
    shared = {"declared_causes": ("check_root",)}
    a, b = finding("check_a", "product", **shared), finding("check_a", "order", **shared)
    drawn = _drawn(finding("check_root"), a, b, links={a.id: "card-3", b.id: "card-3"})
    assert len(_boxes(drawn)) == 2
    assert [e.get("href") for e in drawn.iter() if e.tag.rpartition("}")[2] == "a"] == ["#card-3"]
    assert "order, product" in "".join(drawn.itertext())


def test_a_picture_of_hundreds_says_how_many_are_left_out() -> None:
    drawn = _drawn(finding("check_root"), *many(100, declared_causes=("check_root",)))
    assert len(_boxes(drawn)) == 19
    assert "… and 82 more below." in "".join(drawn.itertext())


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_only_names(text: str) -> None:
    more = {"resource_name": text, "summary": text, "declared_causes": ("check_root",)}
    drawn = _drawn(finding("check_root", resource_name=text), finding("check_a", **more))
    assert {e.tag.rpartition("}")[2] for e in drawn.iter()} <= {
        "x",
        "div",
        "svg",
        "path",
        "g",
        "title",
        "rect",
        "text",
        "a",
    }
