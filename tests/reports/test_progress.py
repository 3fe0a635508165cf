"""The line that says what is going on: rewritten in place, as wide as the terminal, gone in the end."""

from __future__ import annotations

import io
import time

from reports.progress import Progress


def _after(progress: Progress, file: io.StringIO, seconds: float = 0.6) -> str:
    progress.start(93)
    time.sleep(seconds)
    progress.stop()
    return file.getvalue()


def test_it_says_what_was_done_and_leaves_nothing_behind() -> None:
    file = io.StringIO()
    said = _after(Progress(file, 80, lambda checks: f"40 of {checks} checks judged"), file)
    assert "0 s: 40 of 93 checks judged" in said
    assert "\n" not in said
    assert said.endswith("\r\x1b[K")


def test_it_never_wraps() -> None:
    file = io.StringIO()
    said = _after(Progress(file, 30, lambda _: "x" * 500), file)
    assert max(len(part) for part in said.replace("\x1b[K", "").split("\r")) < 30


def test_nothing_to_say_is_not_said() -> None:
    file = io.StringIO()
    assert _after(Progress(file, 80, lambda _: ""), file) == ""


def test_it_can_be_stopped_without_having_begun_and_twice() -> None:
    progress = Progress(io.StringIO(), 80, lambda _: "x")
    progress.stop()
    progress.stop()
