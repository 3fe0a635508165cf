"""Root causes and what they explain, drawn as inline SVG: causes on the left, consequences to their right."""

from __future__ import annotations

from html import escape

from reports import conclusions
from reports.finding import Finding
from reports.text import inert

_WIDTH = 250
_HEIGHT = 44
_GAP_X = 60
_GAP_Y = 14
_MOST = 24
_LETTERS = 36


def draw(roots: list[conclusions.Root]) -> str:
    """An SVG picture, "" where nothing is explained by anything; the same is said in words beside it."""
    if not any(r.consequences for r in roots):
        return ""
    nodes, edges = _layout(roots)
    shown = {f.id: place for f, place in nodes}
    height = max(y for _, (_, y) in nodes) + _HEIGHT + 2
    width = max(x for _, (x, _) in nodes) + _WIDTH + 2
    lines = [_edge(shown[a], shown[b]) for a, b in edges if a in shown and b in shown]
    boxes = [_box(finding, place, number == 0) for finding, place in nodes for number in [0 if place[0] == 1 else 1]]
    label = f"{len(roots)} root causes and {len(nodes) - len(roots)} consequences"
    return (
        f'<svg class="causes" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def _layout(
    roots: list[conclusions.Root],
) -> tuple[list[tuple[Finding, tuple[int, int]]], list[tuple[str, str]]]:
    nodes: list[tuple[Finding, tuple[int, int]]] = []
    edges: list[tuple[str, str]] = []
    y = 1
    placed: set[str] = set()
    for root in roots:
        depth = {f.id: 0 for f in root.findings}
        column: dict[int, int] = {}
        nodes.append((root.first, (1, y)))
        placed.add(root.first.id)
        for one in [c for c in root.consequences if c.id not in placed][:_MOST]:
            level = 1 + min((depth[c] for c in one.caused_by if c in depth), default=0)
            depth[one.id] = level
            row = column.get(level, 0)
            column[level] = row + 1
            nodes.append((one, (1 + level * (_WIDTH + _GAP_X), y + row * (_HEIGHT + _GAP_Y))))
            placed.add(one.id)
            cause = next((c for c in one.caused_by if c in depth and depth[c] == level - 1), root.first.id)
            edges.append((root.first.id if cause in {f.id for f in root.findings} else cause, one.id))
        y += max([1, *column.values()]) * (_HEIGHT + _GAP_Y) + _GAP_Y
    return nodes, edges


def _edge(cause: tuple[int, int], effect: tuple[int, int]) -> str:
    x1, y1 = cause[0] + _WIDTH, cause[1] + _HEIGHT // 2
    x2, y2 = effect[0], effect[1] + _HEIGHT // 2
    middle = (x1 + x2) // 2
    return f'<path d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}"/>'


def _box(finding: Finding, place: tuple[int, int], root: bool) -> str:
    x, y = place
    name = finding.check.removeprefix("check_").replace("_", " ")
    where = finding.service or finding.resource_name
    kind = "root" if root else "consequence"
    return (
        f'<g class="{kind}"><title>{escape(inert(finding.summary))}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 18}">{escape(_short(name))}</text>'
        f'<text class="where" x="{x + 10}" y="{y + 35}">{escape(_short(inert(where)))}</text></g>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
