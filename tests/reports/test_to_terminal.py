"""What is said on a terminal: little when green, roots first when red, as wide as the terminal, nothing it obeys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reports import to_terminal
from reports.finding import Results
from tests.reports.build import HOSTILE, finding, many, results


@pytest.fixture(autouse=True)
def _no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def _said(capsys: pytest.CaptureFixture[str], run: Results, verbosity: int = 0) -> list[str]:
    to_terminal.tell(run, verbosity, "out")
    return capsys.readouterr().out.splitlines()


def _red() -> Results:
    return results(
        finding("check_healthy", declared_causes=("check_admits",), severity="critical"),
        finding(
            "check_admits",
            likely_cause="the rule is gone",
            console_url="https://x/",
            evidence=tuple(f"line {n}" for n in range(12)),
        ),
        finding("check_secret", outcome="unverified"),
        finding("check_rotation", outcome="advisory"),
        finding("check_alarm", outcome="advisory", exempt_until="2027-02-01", exempt_reason="Ann"),
        finding("check_private", outcome="not_applicable", exempt_until="2027-03-01", exempt_reason="Bob"),
        finding("check_fine", outcome="passed"),
    )


def test_green_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, results(finding(outcome="passed"), finding("check_y", outcome="advisory"))) == [
        "LIVE dev (123456789012 us-east-1): nothing failed: 1 check passed, 1 advisory "
        "(12 API requests in 4 s; out/report.html, results.json, junit.xml, summary.md)"
    ]


def test_red_says_the_root_first_then_what_it_explains(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _said(capsys, _red())
    text = "\n".join(lines)
    assert lines[0].startswith(
        "LIVE dev (123456789012 us-east-1): 2 of 6 checks failed, 1 root cause, 1 check could not look"
    )
    in_order = [
        "ROOT CAUSE · HIGH · ecs",
        "check_admits holds.",
        "shop: check_admits is off; expected on",
        "likely cause: the rule is gone",
        "| line 7",
        "| … 4 more in report.html",
        "resolution: Turn check_admits on.",
        "$ aws ecs describe-services --cluster dev",
        "https://x/",
        "explains: shop: check_healthy is off ← shop: check_admits is off",
        "check_healthy: shop: check_healthy is off",
        "UNVERIFIED · 1 check could not look",
        "denied: ecs:DescribeServices",
        "blinds check_secret",
        "EXEMPT",
        "[exempt until 2027-02-01: Ann]",
        "[exempt until 2027-03-01: Bob]",
        "1 advisory more: -v lists them",
        "out/report.html",
    ]
    places = [text.find(part) for part in in_order]
    assert -1 not in places, in_order[places.index(-1)]
    assert places == sorted(places)


def test_quiet_is_a_line_for_each_root_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, _red(), -1)[1:] == [
        "[high] shop: check_admits is off; expected on",
        "[unverified: 1 check] denied: ecs:DescribeServices",
    ]


def test_verbose_leaves_nothing_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(_said(capsys, _red(), 1))
    assert "| line 11" in text
    assert "ADVISORY" in text and "check_rotation" in text
    assert "more" not in text.partition("ADVISORY")[0]


def test_two_roots_are_numbered(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(_said(capsys, results(finding("check_a"), finding("check_b"))))
    assert "ROOT CAUSE 1 of 2" in text and "ROOT CAUSE 2 of 2" in text


def test_each_target_has_a_line_and_failures_name_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _said(capsys, results(finding(target="dev", outcome="passed"), finding(target="prod")))
    assert lines[1:3] == ["  dev: all 1 check passed", "  prod: 1 of 1 check failed, 1 root cause"]
    assert any(line.startswith("ROOT CAUSE · HIGH · ecs · prod") for line in lines)


def test_changes_since_the_baseline_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    run = results(
        finding(change="new", since="2027-01-01T02:03:04+00:00", flapping=True),
        finding("check_y", outcome="passed", change="fixed"),
        notes=["a note"],
    )
    lines = _said(capsys, run)
    assert "1 new, 1 fixed, 0 known; 1 of 2 checks failed" in lines[0]
    assert lines[1:3] == ["fixed: check_y", "note: a note"]
    assert any("new · since 2027-01-01 02:03Z · comes and goes" in line for line in lines)


def test_nothing_judged_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, Results()) == ["no check was judged; see -m, -k and --collect-only"]


@pytest.mark.parametrize("columns", [20, 80, 400])
def test_prose_is_as_wide_as_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    words = " ".join(["word"] * 200)
    lines = _said(capsys, results(finding(resolution=words, summary=words, commands=("x " * 300,))))
    width = min(140, max(60, columns))
    prose = [line for line in lines if "word" in line]
    assert max(map(len, prose)) <= width
    assert max(map(len, prose)) > width - 10
    # A command in two pieces cannot be pasted.
    assert any(line.startswith("    $ x x") and len(line) > 500 for line in lines)


def test_into_a_file_a_sentence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(["word"] * 200)
    assert f"  resolution: {words}" in _said(capsys, results(finding(resolution=words)))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("verbosity", [-1, 0, 1])
def test_a_terminal_obeys_nothing_of_it(text: str, verbosity: int, capsys: pytest.CaptureFixture[str]) -> None:
    said = dict.fromkeys(("summary", "observed", "likely_cause", "resolution", "console_url", "since"), text)
    run = results(
        finding("check_a", declared_causes=("check_b",), **said),
        finding("check_b", "product", evidence=(text,), commands=(text,), resource_name=text, **said),
        finding("check_b", "order", evidence=(text,), commands=(text,), **said),
        finding("check_c", outcome="advisory", exempt_until="2027-02-01", exempt_reason=text, **said),
        finding("check_d", outcome="unverified", summary=text, evidence=(text,)),
        notes=[text],
    )
    to_terminal.tell(run, verbosity, "out")
    out = capsys.readouterr().out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", out)
    assert not [line for line in out.splitlines() if line.startswith("::")]
    assert len(out) < 60_000


def test_hundreds_of_failures_stay_readable(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _said(capsys, results(*many(300, "unverified", summary="denied: x")))
    assert len(lines) < 20
    lines = _said(capsys, results(finding("check_root"), *many(300, declared_causes=("check_root",))))
    assert len(lines) < 40
    assert any("288 more: -v shows them" in line for line in lines)


@pytest.mark.parametrize(
    ("outcome", "verbosity", "expected"),
    [
        ("failed", 0, ("failed", "", "")),
        ("failed", 1, ("failed", "F", ("FAILED", {"red": True}))),
        ("unverified", 0, ("error", "", "")),
        ("advisory", 1, ("advisory", "a", ("ADVISORY", {"yellow": True}))),
    ],
)
def test_letters_and_words_only_with_v(outcome: str, verbosity: int, expected: Any) -> None:
    class Config:
        stash = pytest.Stash()

    Config.stash[to_terminal._VERBOSITY] = verbosity
    assert to_terminal.status(outcome, Config) == expected  # type: ignore[arg-type]
