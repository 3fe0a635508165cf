"""One line that says what a run is doing, rewritten in place; only for somebody who watches a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TextIO

_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """Writes ``12 s: 118 requests, 40 of 93 checks judged`` over and over, until stopped.

    Args:
        file: a terminal.
        width: its columns; the line never wraps.
        state: words about what was done so far, or "" to say nothing yet.
    """

    def __init__(self, file: TextIO, width: int, state: Callable[[int], str]) -> None:
        self._file = file
        self._width = width
        self._state = state
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, checks: int) -> None:
        """Begin, knowing how many checks there are."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(checks,), name="progress", daemon=True)
            self._thread.start()

    def _run(self, checks: int) -> None:
        began = time.monotonic()
        drawn = ""
        while not self._ended.wait(_EVERY_S):
            said = self._state(checks)
            if said:
                drawn = f"{time.monotonic() - began:.0f} s: {said}"[: max(10, self._width - 1)]
                # The cursor goes back to the start, so that whatever else is written overwrites the line.
                self._file.write(f"{_CLEAR}{drawn}\r")
                self._file.flush()
        if drawn:
            self._file.write(_CLEAR)
            self._file.flush()

    def stop(self) -> None:
        """Clear the line and end."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
