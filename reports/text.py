"""Making text from AWS, logs and files harmless and bounded before it is shown anywhere."""

from __future__ import annotations

import re
import unicodedata

LONGEST_LINE = 500
MOST_LINES = 40
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Characters that reorder or hide text: bidirectional overrides, isolates, zero-width, byte-order mark.
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def inert(text: str, longest: int = LONGEST_LINE) -> str:
    """One line without escape sequences, control or invisible characters, cut with a mark where it is too long."""
    text = _INVISIBLE.sub("", _ANSI.sub("", text[: 20 * longest]))
    text = "".join(c if c.isprintable() else " " for c in text if unicodedata.category(c) not in ("Cs", "Co"))
    text = text.rstrip()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def bounded(lines: tuple[str, ...], most: int = MOST_LINES) -> tuple[str, ...]:
    """So many lines, and one that says how many are missing."""
    if len(lines) <= most:
        return lines
    return (*lines[:most], f"… and {len(lines) - most} more")
