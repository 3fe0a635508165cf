"""Making text from AWS, logs and files harmless and bounded before it is shown or written anywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST_LINE = 500
LONGEST_PROSE = 4000
MOST_LINES = 40
# A command that is cut does something else than what it says, so longer ones are not shown at all.
LONGEST_COMMAND = 4000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
# Characters that reorder or hide text: bidirectional overrides and isolates, zero-width ones, joiners, tags.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_LEFT_OUT = re.compile(r"^… (?:and )?(\d+) more\b")


def inert(text: str, longest: int = LONGEST_LINE) -> str:
    """One line without escape sequences, control or invisible characters, cut with a mark where it is too long."""
    # What lies far behind the cut need not be looked at: a log line may have megabytes.
    text = text[: 20 * longest]
    # Almost every text is harmless, and printable ones are; invisible characters are not printable.
    if not text.isprintable():
        text = _INVISIBLE.sub("", _ANSI.sub("", text))
        text = "".join(map(_visible, text))
    text = text.rstrip()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return "\ufffd" if unicodedata.category(character) in ("Cs", "Co", "Cn") else " "


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """Inert, with every run of white space as one space."""
    return " ".join(inert(text, longest).split())


def harmless_lines(texts: Iterable[str], most: int = MOST_LINES) -> tuple[str, ...]:
    """Evidence as it is kept: inert lines, so many of so many characters at most; none that would show nothing."""
    raw = tuple(line for text in texts for line in text[: 40 * LONGEST_LINE].splitlines() if line.strip())
    return tuple(shown for line in bounded(raw, most) if (shown := inert(line)))


def bounded(lines: tuple[str, ...], most: int = MOST_LINES, where: str = "") -> tuple[str, ...]:
    """So many lines, and one that says how many are missing (and where they are)."""
    said = _LEFT_OUT.match(lines[-1]) if lines else None
    kept, missing = (lines[:-1], int(said[1])) if said else (lines, 0)
    if len(kept) <= most:
        return lines
    return (*kept[:most], f"… {missing + len(kept) - most} more{where}")


def minute(instant: str) -> str:
    """``2027-01-02 03:00Z`` of an ISO 8601 instant in UTC."""
    return f"{instant[:16].replace('T', ' ')}Z" if instant else ""


def plural(number: int, noun: str, many: str = "") -> str:
    """``1 check``, ``2 checks``; ``many`` is the plural where it is irregular."""
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def listed(names: Iterable[str], most: int = 12) -> str:
    """``a, b and c``; beyond so many names, how many more."""
    every = list(dict.fromkeys(names))
    if len(every) > most:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    return " and ".join(p for p in (", ".join(every[:-1]), *every[-1:]) if p)
