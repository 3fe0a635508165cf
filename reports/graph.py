"""A root cause and what it explains, drawn as inline SVG: the cause on the left, consequences to its right.

The same is said in words beside it, so readers of the screen lose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from msgspec import Struct

from reports import conclusions
from reports.finding import Finding
from reports.text import inert, one_line

_WIDTH, _HEIGHT = 236, 46
_GAP_X, _GAP_Y = 54, 12
_MOST = 18
_LETTERS = 29


class _Node(Struct, frozen=True):
    """Findings drawn as one box, in a column and row."""

    folded: conclusions.Folded
    column: int
    row: int
    cause: int  # the box that it comes from, by number; -1 for the root

    @property
    def x(self) -> int:
        return 2 + self.column * (_WIDTH + _GAP_X)

    @property
    def y(self) -> int:
        return 2 + self.row * (_HEIGHT + _GAP_Y)


def draw(root: conclusions.Root, links: Mapping[str, str]) -> str:
    """An SVG picture, "" where nothing is explained.

    Args:
        links: ids of the elements that tell more, by finding id.
    """
    if not root.consequences:
        return ""
    nodes = _layout(root)
    left_out = len(conclusions.fold(root.consequences)) - len(nodes) + 1
    height = max(n.y for n in nodes) + _HEIGHT + 2
    width = max(n.x for n in nodes) + _WIDTH + 2
    edges = "".join(_edge(nodes[n.cause], n) for n in nodes if n.cause >= 0)
    boxes = "".join(_box(n, links) for n in nodes)
    more = f"<p>… and {left_out} more below.</p>" if left_out > 0 else ""
    return (
        f'<div class="scroll"><svg class="causes" aria-hidden="true" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">{edges}{boxes}</svg></div>{more}'
    )


def _layout(root: conclusions.Root) -> list[_Node]:
    nodes = [_Node(conclusions.Folded(root.findings), 0, 0, -1)]
    box = {f.id: 0 for f in root.findings}
    rows: dict[int, int] = {}
    for folded in conclusions.fold(root.consequences)[:_MOST]:
        # Consequences come nearest first, so the box of a cause is always there before its effects.
        causes = [box[c] for f in folded.findings for c in f.caused_by if c in box]
        cause = causes[0] if causes else 0
        column = nodes[cause].column + 1
        row = rows.get(column, 0)
        rows[column] = row + 1
        box |= {f.id: len(nodes) for f in folded.findings}
        nodes.append(_Node(folded, column, row, cause))
    return nodes


def _edge(cause: _Node, effect: _Node) -> str:
    x1, y1 = cause.x + _WIDTH, cause.y + _HEIGHT // 2
    x2, y2 = effect.x, effect.y + _HEIGHT // 2
    middle = (x1 + x2) // 2
    arrow = f"M{x2 - 7} {y2 - 4}L{x2} {y2}L{x2 - 7} {y2 + 4}"
    return f'<path d="M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"/><path d="{arrow}"/>'


def _box(node: _Node, links: Mapping[str, str]) -> str:
    first = node.folded.findings[0]
    kind = "root" if node.column == 0 else "consequence"
    name = escape(_short(f"✗ {first.check.removeprefix('check_').replace('_', ' ')}"))
    where = escape(_short(_where(node.folded.findings)))
    drawn = (
        f'<g class="{kind}"><title>{escape(inert(first.summary))}</title>'
        f'<rect x="{node.x}" y="{node.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="7"/>'
        f'<text x="{node.x + 11}" y="{node.y + 19}">{name}</text>'
        f'<text class="where" x="{node.x + 11}" y="{node.y + 36}">{where}</text></g>'
    )
    link = links.get(first.id)
    # Not a stop for the keyboard: the same links are in the text.
    return f'<a href="#{escape(link)}" tabindex="-1">{drawn}</a>' if link and kind != "root" else drawn


def _where(findings: tuple[Finding, ...]) -> str:
    return one_line(", ".join(dict.fromkeys(f.service or f.resource_name for f in findings)))


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
