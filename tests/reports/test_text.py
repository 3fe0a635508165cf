"""Text from anywhere becomes harmless, bounded lines."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import (
    LONGEST_LINE,
    MOST_LINES,
    bounded,
    harmless_lines,
    inert,
    listed,
    one_line,
    plural,
)
from tests.reports.build import HOSTILE

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300) | st.sampled_from(HOSTILE[:-1])
_DIRECTIONS = ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI")


def _is_harmless(line: str) -> bool:
    return all(
        unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        and unicodedata.bidirectional(c) not in _DIRECTIONS
        for c in line
    )


@given(ANYTHING)
def test_anything_becomes_one_line_that_nothing_obeys(text: str) -> None:
    for line in (inert(text), one_line(text)):
        assert _is_harmless(line), ascii(line)
        assert len(line.splitlines()) <= 1
        assert len(line) <= LONGEST_LINE
        line.encode("utf-8")


@given(ANYTHING)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert inert(inert(text)) == inert(text)
    assert one_line(one_line(text)) == one_line(text)


@given(st.lists(ANYTHING, max_size=80))
def test_evidence_is_bounded_however_much_there_is(texts: list[str]) -> None:
    lines = harmless_lines(texts)
    assert len(lines) <= MOST_LINES + 1
    assert all(len(line) <= LONGEST_LINE and _is_harmless(line) for line in lines)
    assert harmless_lines(lines) == lines


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_disarmed(text: str) -> None:
    line = one_line(text)
    assert _is_harmless(line)
    assert 0 < len(line) <= LONGEST_LINE


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    for text in ("café über naïve", "日本語のログ", "русский", "עברית", "العربية", "emoji 🚀 ok", "  indented"):
        assert inert(text) == text


def test_escape_sequences_go_whole() -> None:
    assert inert("\x1b[1;31mred\x1b[0m") == "red"
    assert inert("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x07") == "link"
    assert inert("\x9b31mred") == "red"
    # One that never ends must not swallow what follows the line's own text.
    assert inert("before \x1b[") == "before  ["


def test_a_cut_is_marked() -> None:
    assert inert("x" * 501) == "x" * 499 + "…"
    assert inert("x" * 500) == "x" * 500


def test_ten_megabytes_in_one_line_are_cut_at_once() -> None:
    huge = "\x1b[31m" + "a\u200b" * 5_000_000
    assert len(inert(huge)) == LONGEST_LINE
    assert len(harmless_lines([huge])[0]) == LONGEST_LINE


def test_left_out_lines_are_counted_once() -> None:
    lines = tuple(f"line {n}" for n in range(100))
    assert bounded(lines, 3) == ("line 0", "line 1", "line 2", "… 97 more")
    # A diagnosis that counts what it left out is added to, not contradicted.
    assert bounded((*lines[:5], "… and 10 more events"), 3)[-1] == "… 12 more"
    assert bounded(bounded(lines, 50), 3)[-1] == "… 97 more"
    assert bounded(lines[:3], 3) == lines[:3]
    assert bounded((), 3) == ()


def test_a_million_lines_of_evidence_cost_little() -> None:
    lines = harmless_lines(str(n) for n in range(1_000_000))
    assert lines[-1] == f"… {1_000_000 - MOST_LINES} more"


def test_a_multi_line_text_is_several_lines_of_evidence() -> None:
    assert harmless_lines(["a\nb\r\nc", "d"]) == ("a", "b", "c", "d")


def test_words() -> None:
    assert plural(1, "check") == "1 check"
    assert plural(0, "check") == "0 checks"
    assert plural(2, "advisory", "advisories") == "2 advisories"
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(map(str, range(20)), 2) == "0, 1 and 18 more"
