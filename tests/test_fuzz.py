"""Whatever a stranger may write into a log, an event or a file: parsers neither fail nor take long over it.

Tests beside each parser look at what it says; these only look at long lines that were made to be slow, and at any text.
Nothing here is timed: what takes too long on such a line takes longer than anybody waits.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import DOCUMENTS, LINES
from tests.reports.build import HOSTILE

PARSERS = LINES | DOCUMENTS
# What expressions that go wrong on long lines usually stumble over: runs of what they repeat.
PIECES = ("a", " ", "0", "-", ".", ":", "a.", "a:", "a b", "=", "('", "\\", "/", "\t", "E: ", "Error: ", "ERROR", "at x (", "Caused by: ", "password=", "https://", "a@", "[", "{", "\"", "x=\"", "npm ERR! ", "#1 ", "Traceback", "\n", " \n", "│ ")  # fmt: skip
# How long a line can be that reaches a parser: facts cut logs, events and reasons, which tests/test_hostile.py proves.
LINE = 4_000
# These also get whole files. Nobody waits for four times the time at twice this length: the time-out ends it.
LONG = dict.fromkeys(("terraforms-words", "terraforms-errors", "secrets", "evidence", "statement"), 200_000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", LINES)
def test_no_line_keeps_a_parser_for_ever(name: str) -> None:
    length = LONG.get(name, LINE)
    for piece in PIECES:
        text = piece * (length // len(piece))
        LINES[name](text)
        LINES[name](f"ERROR: failed to solve: Error: {text[:LINE]}!")


@pytest.mark.parametrize("name", PARSERS)
@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=200) | st.sampled_from(HOSTILE[:-1]))
def test_no_text_makes_a_parser_fail(name: str, text: str) -> None:
    PARSERS[name](text)
