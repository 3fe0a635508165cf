"""The history: bounded, forgiving to what a crash left, and telling since when something is wrong."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from reports import history
from reports.baseline import compare
from reports.finding import Finding, Results
from tests.reports.build import HOSTILE, finding, results


def _day(n: int) -> str:
    return f"2027-01-{n:02}T03:00:00+00:00"


def _run(day: int, outcome: str = "failed", **more: object) -> Results:
    return results(
        finding("check_a", "product", outcome), finding("check_b", outcome="passed"), started=_day(day), **more
    )


def _after(path: Path, outcomes: str, now: str = "failed") -> Finding:
    """The finding of check_a after runs with these outcomes, one letter a day."""
    names = {"f": "failed", "p": "passed", "u": "unverified", "a": "advisory", "n": "not_applicable"}
    for day, letter in enumerate(outcomes, 1):
        history.append(path, _run(day, names[letter]))
    run = _run(len(outcomes) + 1, now)
    history.look_back(run, history.read(path))
    return run.findings[0]


@pytest.mark.parametrize(
    ("outcomes", "now", "since", "flapping"),
    [
        ("", "failed", 1, False),
        ("ppp", "failed", 4, False),
        ("pff", "failed", 2, False),
        ("ffp", "failed", 4, False),
        # Not seen, or milder, is still not right.
        ("pfua", "failed", 2, False),
        # Not judged says nothing either way.
        ("pfnf", "failed", 2, False),
        ("fff", "passed", 0, False),
        ("fpfp", "failed", 5, True),
        ("pfp", "failed", 4, False),
    ],
)
def test_since_when_and_whether_it_comes_and_goes(
    outcomes: str, now: str, since: int, flapping: bool, tmp_path: Path
) -> None:
    one = _after(tmp_path / "h.jsonl", outcomes, now)
    assert one.since == (_day(since) if since else "")
    assert one.flapping is flapping


def test_it_serves_as_the_baseline(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    history.append(path, _run(1, "failed"))
    run = results(finding("check_a", "product", "passed"), finding("check_b"), finding("check_c"), started=_day(2))
    compare(run, history.last_outcomes(history.read(path), run.findings, run.mode))
    assert [f.change for f in run.findings] == ["fixed", "new", "new"]


def test_the_sandbox_and_other_targets_have_a_past_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    history.append(path, _run(1, "failed", mode="sandbox"))
    past = history.read(path)
    run = _run(2, "failed")
    history.look_back(run, past)
    assert run.findings[0].since == _day(2)
    assert not history.last_outcomes(past, run.findings, "live")
    other = results(finding("check_a", "product", target="prod"), mode="sandbox", started=_day(2))
    history.look_back(other, past)
    assert other.findings[0].since == _day(2)


def test_it_is_bounded_and_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.jsonl"
    monkeypatch.setattr(history, "MOST_RUNS", 5)
    for day in range(1, 10):
        history.append(path, _run(day))
    assert [p.at for p in history.read(path)] == [_day(d) for d in range(5, 10)]


def test_a_run_of_hundreds_of_checks_takes_little_room(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    history.append(path, results(*(finding(f"check_{n:03}", f"service-{n}", "passed") for n in range(500))))
    assert path.stat().st_size * history.MOST_RUNS < 4_000_000


@pytest.mark.parametrize(
    "line",
    [
        '{"at": "2027-01-01T03:00:00+00:00", "targ',
        "null", "3", "[]", "{}", '"x"', "", "\x00", "[" * 100_000,
        '{"at": 1, "target": "dev", "mode": "live", "passed": [[]], "wrong": {}}',
        '{"at": 1, "target": "dev", "mode": "live", "passed": 3, "wrong": {}}',
        '{"at": "", "target": "dev", "mode": "live", "passed": [], "wrong": []}',
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_passed_over(line: str, tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    history.append(path, _run(1))
    path.write_text(path.read_text() + line + "\n")
    history.append(path, _run(2))
    assert [p.at for p in history.read(path)] == [_day(1), _day(2)]


def test_a_file_that_is_no_history_is_refused_before_it_is_written_to(tmp_path: Path) -> None:
    for content in (b"some notes\nof mine\n", b"\xff\xfe\x00"):
        path = tmp_path / "notes"
        path.write_bytes(content)
        with pytest.raises(pytest.UsageError, match="--history"):
            history.read(path)
    with pytest.raises(pytest.UsageError, match="--history"):
        history.writable(tmp_path)


def test_a_history_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    run = _run(1)
    (tmp_path / "file").touch()
    history.append(tmp_path / "file" / "h.jsonl", run)
    assert len(run.notes) == 1
    assert "could not be added" in run.notes[0]


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    threads = [threading.Thread(target=history.append, args=(path, _run(day))) for day in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {p.at for p in history.read(path)} == {_day(d) for d in range(1, 9)}


def test_only_names_and_outcomes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    hostile = finding(
        "check_a", **dict.fromkeys(("summary", "observed", "resolution"), HOSTILE[0]), evidence=HOSTILE[:5]
    )
    history.append(path, results(hostile))
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["wrong"] == {"check_a": "failed"}
    assert "script" not in line
