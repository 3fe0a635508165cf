"""Terraform's AWS provider, started once for many commands.

Each terraform command reads the provider's 700 MB to check their hash, starts it, and asks for its schema: most of what
a command takes. Terraform also talks to a provider that runs already (``TF_REATTACH_PROVIDERS``, made for debugging
one). It is the same provider; what it knows of AWS is its own environment, so it starts anew for another address.

``init`` then neither installs it nor compares its version and hash with what the code wants: what is about that is
tested without this (tests/real/test_terraform.py, tests/real/test_live.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pytest

from fixtures import terraform
from fixtures.terraform import Answer, Bench

_SAID = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")
# Ends the provider when standard input is closed, so that it cannot outlive the tests. Nobody else holds its output.
_UNTIL_CLOSED = '"$0" -debug & exec >/dev/null; cat; kill $!; wait $!'
_START_TIMEOUT_S = 60.0
_ADDRESS = "AWS_ENDPOINT_URL"
# Certificates cannot be set a second time in the same process, and a sandbox has none.
_BUNDLE = "AWS_CA_BUNDLE"
_RUN = terraform.run


@pytest.fixture
def running_provider() -> Iterator[None]:
    """Terraform's commands share a provider; the first of them installs it as always."""
    with mock.patch("fixtures.terraform.run", run):
        yield


def run(bench: Bench, env: Mapping[str, str], timeout_s: float, subcommand: str, *rest: str, **options: Any) -> Answer:
    """fixtures.terraform.run, with the provider that runs."""
    known = _PROVIDER.attached(env)
    answer = _RUN(bench, {**env, **known}, timeout_s, subcommand, *rest, **options)
    if subcommand == "init" and answer.code == 0 and not known:
        _PROVIDER.start(Path(bench.data), env)
    return answer


def can_load(bench: Bench, env: Mapping[str, str]) -> bool:
    """Whether terraform has a provider in that directory: installed there, or running."""
    return Path(bench.data, "providers").is_dir() or bool(_PROVIDER.attached(env))


def close() -> None:
    """End the provider."""
    _PROVIDER.close()


class _Provider:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._binary = Path()
        self._address = ""
        self._attach: dict[str, str] = {}

    def attached(self, env: Mapping[str, str]) -> dict[str, str]:
        """What tells terraform where the provider is; nothing where none was installed yet."""
        with self._lock:
            # What has no address of its own, as ``validate``, can do with any provider.
            address = env.get(_ADDRESS, self._address)
            if address != self._address and self._binary.is_file():
                self._start(env)
            return dict(self._attach) if address == self._address else {}

    def start(self, data: Path, env: Mapping[str, str]) -> None:
        """Start the provider that ``init`` has installed."""
        found = next(data.glob("providers/registry.*/hashicorp/aws/*/*/terraform-provider-aws_*"), None)
        if found is None:
            return
        with self._lock:
            self._binary = found.resolve()
            self._start(env)

    def _start(self, env: Mapping[str, str]) -> None:
        self._end()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _UNTIL_CLOSED, str(self._binary)],
            env={k: v for k, v in env.items() if k != _BUNDLE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        impatience = threading.Timer(_START_TIMEOUT_S, os.killpg, (self._process.pid, signal.SIGKILL))
        impatience.start()
        said = next((found[1] for line in self._process.stdout if (found := _SAID.search(line))), "")
        impatience.cancel()
        if not said:
            self._end()
            return
        self._address, self._attach = env.get(_ADDRESS, ""), {"TF_REATTACH_PROVIDERS": said}
        threading.Thread(target=_drain, args=(self._process.stdout,), daemon=True).start()

    def _end(self) -> None:
        self._address, self._attach = "", {}
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
        self._process = None

    def close(self) -> None:
        """End what runs."""
        with self._lock:
            self._end()


def _drain(said: IO[str]) -> None:
    """A provider whose output nobody reads would stop one day."""
    with contextlib.suppress(OSError, ValueError), said:
        for _ in said:
            pass


_PROVIDER = _Provider()
