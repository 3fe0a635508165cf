"""Whatever a stranger may write into a log, an event or a file: parsers neither fail nor take long over it.

Tests beside each parser look at what it says; these only look at long lines that were made to be slow, and at any text.
Nothing here is timed: what takes too long on such a line takes longer than anybody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import build_log, connection_errors, log_signatures, service_events, terraform_errors
from fixtures import log_text
from fixtures.secret import REDACTOR
from reports.text import harmless_lines
from tests.reports.build import HOSTILE

PARSERS: dict[str, Callable[[str], Any]] = {
    "build log line": build_log.classify_line,
    "build log": lambda t: build_log.telling_lines(t.splitlines()),
    "terraform's words": terraform_errors.classify,
    "terraform's errors": terraform_errors.errors_in,
    "stack trace": log_signatures.recognise,
    "connection error": lambda t: connection_errors.classify(t, ["db.example"], [5432]),
    "service event": service_events.complaint,
    "log line": log_text.clean_line,
    "secrets": REDACTOR.clean,
    "evidence": lambda t: harmless_lines([t]),
}
# What expressions that go wrong on long lines usually stumble over: runs of what they repeat.
PIECES = ("a", " ", "0", "-", ".", ":", "a.", "a:", "a b", "=", "('", "\\", "/", "\t", "E: ", "Error: ", "ERROR", "at x (", "Caused by: ", "password=", "https://", "a@", "[", "{", "\"", "x=\"", "npm ERR! ", "#1 ", "Traceback", "\n", " \n", "│ ")  # fmt: skip
# How long a line can be that reaches a parser: facts cut logs, events and reasons, which tests/test_hostile.py proves.
LINE = 4_000
# These also get whole files. Nobody waits for four times the time at twice this length: the time-out ends it.
LONG = {"terraform's words": 200_000, "terraform's errors": 200_000, "secrets": 200_000, "evidence": 200_000}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PARSERS)
def test_no_line_keeps_a_parser_for_ever(name: str) -> None:
    length = LONG.get(name, LINE)
    for piece in PIECES:
        text = piece * (length // len(piece))
        PARSERS[name](text)
        PARSERS[name](f"ERROR: failed to solve: Error: {text[:LINE]}!")


@pytest.mark.parametrize("name", PARSERS)
@given(text=st.text(st.characters(exclude_categories=()), max_size=200) | st.sampled_from(HOSTILE[:-1]))
def test_no_text_makes_a_parser_fail(name: str, text: str) -> None:
    PARSERS[name](text)
