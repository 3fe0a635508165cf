"""Patterns of listener rules: what fits them, and texts that do.

``*`` stands for any characters, ``?`` for exactly one; rules may hold regular expressions instead.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Stands for "*" in a text that is asked; unlikely to be in somebody's own rule.
_ANYTHING = "runbook-check"
# Innermost groups, and then one piece of what is left of an expression.
_GROUP = re.compile(r"\((?:\?:|\?P?<\w+>)?([^()]*)\)")
_PIECE = re.compile(
    r"(?:\\(?P<escaped>.)|\[(?P<others>\^)?\\?(?P<member>.)(?:\\.|[^\]\\])*\]|(?P<any>\.)|(?P<literal>.))"
    r"(?:[*+?]|\{(?P<times>\d+)(?:,\d*)?\})?\??"
)
_CLASSES = {"d": "1", "w": "x", "s": " ", "S": "x", "D": "x", "b": ""}


@lru_cache(maxsize=4096)
def _wildcard(pattern: str, escapes: bool, ignore_case: bool) -> re.Pattern[str]:
    parts: list[str] = []
    rest = iter(pattern)
    for character in rest:
        if character == "\\" and escapes:
            parts.append(re.escape(next(rest, "\\")))
        else:
            parts.append({"*": ".*", "?": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def fits(pattern: str, text: str, *, escapes: bool = False, ignore_case: bool = False) -> bool:
    """Whether the whole text fits a pattern with ``*`` and ``?``.

    Args:
        escapes: a backslash makes the next character literal (headers and query strings).
    """
    return _wildcard(pattern, escapes, ignore_case).fullmatch(text) is not None


def filled(pattern: str) -> str:
    """A text that fits a pattern, with something for each wildcard."""
    return pattern.replace("?", "x").replace("*", _ANYTHING)


def samples(pattern: str) -> tuple[str, ...]:
    """Paths that fit a pattern: with nothing and with something for ``*``."""
    single = pattern.replace("?", "x")
    return tuple(dict.fromkeys(single.replace("*", filling) for filling in ("", _ANYTHING)))


def found(expression: str, text: str) -> bool:
    """Whether a regular expression is found in a text; one that Python cannot read is not."""
    try:
        return re.search(expression, text) is not None
    except re.error:
        return False


def example(expression: str) -> str:
    """A text in which a regular expression is found: first alternatives, everything once; "" where that finds none."""
    left = expression.removeprefix("^").removesuffix("$")
    while group := _GROUP.search(left):
        left = left[: group.start()] + group[1].split("|")[0] + left[group.end() :]
    text = "".join(_piece(p) for p in _PIECE.finditer(left.split("|")[0]))
    return text if found(expression, text) else ""


def _piece(piece: re.Match[str]) -> str:
    escaped, member = piece["escaped"], piece["member"]
    if escaped:
        one = _CLASSES.get(escaped, escaped)
    elif member:
        one = "x" if piece["others"] else _CLASSES.get(member, member) if piece[0].startswith("[\\") else member
    else:
        one = "x" if piece["any"] else piece["literal"]
    return one * int(piece["times"] or 1)
