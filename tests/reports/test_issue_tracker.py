"""Night after night against a GitHub on loopback that keeps issues as GitHub does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reports import __main__ as command
from reports import to_json
from reports.issue_tracker import Tracker, TrackerError
from tests.reports.test_issues import BROKEN, GREEN, concluded

TOKEN = "ghs_never-print-me"


class FakeGitHub(ThreadingHTTPServer):
    """Keeps issues and comments; ``refusal`` is what it answers instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.issues: list[dict[str, Any]] = []
        self.comments: list[tuple[int, str]] = []
        self.refusal: tuple[int, dict[str, str]] | None = None

    def add(self, **more: Any) -> dict[str, Any]:
        """A new issue, numbered."""
        made = {"number": len(self.issues) + 1, "state": "open", "state_reason": None, "labels": [], "body": "", **more}
        self.issues.append(made)
        return made


class Handler(BaseHTTPRequestHandler):
    server: FakeGitHub

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _refused(self) -> bool:
        wrong = self.headers["Authorization"] != f"Bearer {TOKEN}"
        if wrong or self.server.refusal:
            status, headers = self.server.refusal or (401, {})
            self._answer(status, {"message": "no"}, headers)
            return True
        return False

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return given

    def do_GET(self) -> None:
        query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        if self._refused():
            return
        fitting = [i for i in self.server.issues if query["labels"] in i["labels"]]
        first = (int(query["page"]) - 1) * int(query["per_page"])
        self._answer(200, fitting[first : first + int(query["per_page"])])

    def do_POST(self) -> None:
        given = self._given()
        if self._refused():
            return
        if self.path.endswith("/comments"):
            self.server.comments.append((int(self.path.split("/")[-2]), given["body"]))
            self._answer(201, {})
        else:
            self._answer(201, self.server.add(**given))

    def do_PATCH(self) -> None:
        given = self._given()
        if not self._refused():
            self.server.issues[int(self.path.rpartition("/")[2]) - 1].update(given)
            self._answer(200, {})

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    server = FakeGitHub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/shop")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


def night(directory: Path, *findings: Any, mode: str = "live", more: tuple[str, ...] = ()) -> int:
    run = concluded(*findings)
    run.mode = mode
    to_json.write(run, directory)
    return command.main(["issues", str(directory), *more])


def test_three_nights(github: FakeGitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert night(tmp_path, BROKEN) == 0
    assert [(i["state"], i["labels"]) for i in github.issues] == [("open", ["runbook-checks"])]
    assert night(tmp_path, BROKEN) == 0
    assert len(github.issues) == 1
    assert github.comments == []
    assert night(tmp_path, GREEN) == 0
    assert (github.issues[0]["state"], github.issues[0]["state_reason"]) == ("closed", "completed")
    assert "Fixed" in github.comments[0][1]
    assert night(tmp_path, BROKEN) == 0
    assert (len(github.issues), github.issues[0]["state"]) == (1, "open")
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0:2] for line in said] == [["open", "#1"], ["close", "#1"], ["reopen", "#1"]]


def test_pull_requests_and_later_pages(github: FakeGitHub, tmp_path: Path) -> None:
    for _ in range(105):
        github.add(labels=["runbook-checks"], body="an old one")
    github.add(labels=["runbook-checks"], pull_request={}, body="")
    night(tmp_path, BROKEN)
    night(tmp_path, BROKEN)

    assert len(github.issues) == 107


def test_a_dry_run_only_tells(github: FakeGitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert night(tmp_path, BROKEN, mode="sandbox", more=("--dry-run",)) == 0
    assert github.issues == []
    assert capsys.readouterr().out.startswith("open ")


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((401, {}), "does not accept GITHUB_TOKEN"),
        ((403, {}), "issues: write"),
        ((404, {}), "issues: write"),
        ((410, {}), "switched off"),
        ((403, {"x-ratelimit-remaining": "0"}), "rate limit"),
        ((500, {}), "answered 500 to GET"),
    ],
)
def test_a_refusal_is_one_line_without_the_token(
    github: FakeGitHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    refusal: tuple[int, dict[str, str]],
    said: str,
) -> None:
    github.refusal = refusal

    assert night(tmp_path, BROKEN) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert TOKEN not in error


def test_the_sandboxs_results_open_no_issue(
    github: FakeGitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert night(tmp_path, BROKEN, mode="sandbox") == 4
    assert "sandbox" in capsys.readouterr().err
    assert github.issues == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"GITHUB_REPOSITORY": "acme/shop"},
        {"GITHUB_REPOSITORY": "../../users", "GITHUB_TOKEN": "x"},
        {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": "a\nb"},
    ],
)
def test_what_is_missing_is_said(environment: dict[str, str]) -> None:
    with pytest.raises(TrackerError, match="GITHUB_"):
        Tracker(environment)


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in {"API_URL": "http://127.0.0.1:1", "REPOSITORY": "a/b", "TOKEN": TOKEN}.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)

    assert night(tmp_path, BROKEN) == 2
    assert "could not be reached" in capsys.readouterr().err
