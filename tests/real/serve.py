"""An empty AWS in a process of its own, for terraform to fill: moto, with the gaps that the sandbox fills.

``python -m tests.real.serve`` prints its address as one JSON line, then answers each line of its standard input:
``settle`` lets happen what AWS would do by itself after an apply. It ends when its standard input is closed, so
that it cannot outlive whoever started it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import threading
from typing import Any

from fixtures.sandbox.server import serve
from fixtures.sandbox.state import Sandbox
from tests.real import writes
from tests.real.settle import settle


class RunningSandbox(Sandbox):
    """A sandbox whose clock runs: terraform and the judge come at different times, and by the real clock."""

    @property
    def now(self) -> dt.datetime:
        """The present."""
        return dt.datetime.now(dt.UTC)

    @now.setter
    def now(self, _: dt.datetime) -> None:
        pass


def main() -> None:
    """Serve on a free port of the loopback interface."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sandbox = RunningSandbox.new(dt.datetime.now(dt.UTC))
    writes.load()
    server, said = serve(sandbox)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(said), file=answers)
    for line in sys.stdin:
        print(json.dumps(_obey(sandbox, line.strip())), file=answers)


def _obey(sandbox: Sandbox, command: str) -> dict[str, Any]:
    if command != "settle":
        return {"error": f"unknown command {command!r}"}
    try:
        settle(sandbox)
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}
    return {}


if __name__ == "__main__":
    main()
