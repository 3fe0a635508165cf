"""Patterns are compiled once, and do not care about capitals."""

from __future__ import annotations

from checks.diagnosis.late_patterns import pattern


def test_a_pattern_is_compiled_once_and_ignores_case() -> None:
    assert pattern("no such host") is pattern("no such host")
    assert pattern("no such host").search("dial tcp: lookup db: No Such Host")
