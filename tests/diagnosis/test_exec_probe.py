from __future__ import annotations

from typing import Any

import pytest

from checks.diagnosis import exec_probe
from fixtures.model.database import ExecReadiness, ProbeResult


def readiness(**changes: Any) -> ExecReadiness:
    given: dict[str, Any] = {
        "task": "t1", "task_arn": "arn:t1", "container": "web", "enabled": True, "agent": "RUNNING",
        "read_only_root": False, "platform_version": "1.4.0", "task_role": "arn:role", "denied_actions": (),
    }  # fmt: skip
    return ExecReadiness(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enabled": False}, "without enableExecuteCommand"),
        ({"agent": "STOPPED"}, "is STOPPED"),
        ({"agent": ""}, "is not there"),
        ({"read_only_root": True}, "read-only root"),
        ({"task_role": ""}, "no task role"),
        ({"denied_actions": ("ssmmessages:OpenDataChannel",)}, "lacks ssmmessages:OpenDataChannel"),
        ({"platform_version": "1.3.0"}, "older than 1.4.0"),
    ],
)
def test_what_is_lacking_is_named(changes: dict[str, Any], words: str) -> None:
    verdict = exec_probe.possible([readiness(**changes)], "shop-web", "arn:service", "shop")
    assert not verdict
    assert words in verdict.observed


@pytest.mark.parametrize("version", ["1.4.0", "1.5.0", "2.0.0", "LATEST", ""])
def test_versions_that_will_do(version: str) -> None:
    assert exec_probe.lacking(readiness(platform_version=version)) == ()


def test_one_task_suffices() -> None:
    both = [readiness(enabled=False), readiness(task="t2")]
    verdict = exec_probe.possible(both, "shop-web", "arn:service", "shop")
    assert verdict
    assert verdict.observed == "task t2 can be entered"


def probe(code: int | None, *output: str, tool: str = "nc") -> Any:
    return exec_probe.connects(
        ProbeResult("t1", "web", "db.x", 5432, code, tool, output), "shop-web", "arn:service", "arn:db"
    )


@pytest.mark.parametrize(
    ("output", "sign"),
    [
        ("nc: db.x (10.0.11.5:5432): Connection refused", "refused"),
        ("ECONNREFUSED", "refused"),
        ("nc: db.x (10.0.11.5:5432): Operation timed out", "network"),
        ("TimeoutError: timed out", "network"),
        ("nc: bad address 'db.x'", "dns"),
        ("socket.gaierror: [Errno -2] Name or service not known", "dns"),
        ("ENOTFOUND", "dns"),
    ],
)
def test_how_it_failed(output: str, sign: str) -> None:
    verdict = probe(1, output)
    assert not verdict
    assert verdict.signs == (sign,)


def test_silence_leaves_the_reason_open() -> None:
    assert set(probe(1).signs) == {"network", "refused", "dns"}


def test_success() -> None:
    assert probe(0, "open")


@pytest.mark.parametrize(
    ("code", "tool", "output"),
    [(127, "", ""), (1, "nc", "nc: unrecognized option: z"), (1, "nc", "Usage: nc [OPTIONS]")],
)
def test_an_image_without_a_tool_proves_nothing(code: int, tool: str, output: str) -> None:
    assert probe(code, output, tool=tool) is None
