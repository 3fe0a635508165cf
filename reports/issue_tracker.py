"""GitHub's issues, as far as reports/issues.py needs them: list those with our label, open, change and close."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from reports.issues import Action, Issue

LABEL = "runbook-checks"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_TIMEOUT_S = 20.0
_PAGE = 100
_MOST_PAGES = 50


class TrackerError(Exception):
    """GitHub did not do what it was asked; one line, without the token."""


class Tracker:
    """The issues of a repository.

    Args:
        environment: ``GITHUB_TOKEN``, ``GITHUB_REPOSITORY`` and, for GitHub Enterprise, ``GITHUB_API_URL``.
        label: what marks our issues. Only who may write to the repository can give a label, so an issue that merely
            looks like ours is none.

    Raises:
        TrackerError: a variable is missing or malformed.
    """

    def __init__(self, environment: Mapping[str, str], label: str = LABEL) -> None:
        import httpx

        repository, token = environment.get("GITHUB_REPOSITORY", ""), environment.get("GITHUB_TOKEN", "").strip()
        if not _REPOSITORY.fullmatch(repository):
            raise TrackerError("GITHUB_REPOSITORY must be OWNER/NAME")
        if not token:
            raise TrackerError("GITHUB_TOKEN is not set; it needs the permission 'issues: write'")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise TrackerError("GITHUB_TOKEN is malformed")
        base = environment.get("GITHUB_API_URL") or "https://api.github.com"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        try:
            url = f"{base.rstrip('/')}/repos/{repository}/"
            self._http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)
        except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
            raise TrackerError("GITHUB_API_URL or GITHUB_TOKEN is malformed") from None
        self._label = label

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def issues(self) -> list[Issue]:
        """All with our label, open and closed; pull requests, which GitHub lists among them, left out."""
        found: list[Issue] = []
        for page in range(1, _MOST_PAGES + 1):
            query = {"labels": self._label, "state": "all", "per_page": _PAGE, "page": page, "direction": "asc"}
            listed = self._ask("GET", "issues", params=query)
            found += [_issue(raw) for raw in listed if "pull_request" not in raw]
            if len(listed) < _PAGE:
                return found
        raise TrackerError(f"more than {_MOST_PAGES * _PAGE} issues have the label {self._label}")

    def do(self, action: Action) -> int:
        """Carry an action out; gives the issue's number.

        Raises:
            TrackerError: GitHub refused.
        """
        if action.number is None:
            new = {"title": action.title, "body": action.body, "labels": [self._label]}
            return int(self._ask("POST", "issues", json=new)["number"])
        if action.comment:
            self._ask("POST", f"issues/{action.number}/comments", json={"body": action.comment})
        self._ask("PATCH", f"issues/{action.number}", json=_changes(action))
        return action.number

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        import httpx

        try:
            answer = self._http.request(method, path, **how)
        except httpx.HTTPError as e:
            raise TrackerError(f"GitHub could not be reached: {type(e).__name__}") from None
        if answer.is_success:
            return _json(answer)
        raise TrackerError(_refusal(answer))


def _changes(action: Action) -> dict[str, str]:
    changes = {"title": action.title, "body": action.body}
    if action.kind == "close":
        changes |= {"state": "closed", "state_reason": "completed"}
    if action.kind == "reopen":
        changes |= {"state": "open"}
    return {k: v for k, v in changes.items() if v}


def _issue(raw: Mapping[str, Any]) -> Issue:
    return Issue(
        number=int(raw["number"]),
        body=str(raw.get("body") or ""),
        open=raw.get("state") == "open",
        wontfix=raw.get("state_reason") == "not_planned",
    )


def _json(answer: Any) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise TrackerError("GitHub answered something that is not JSON; is GITHUB_API_URL right?") from None


def _refusal(answer: Any) -> str:
    if answer.status_code == 401:
        return "GitHub does not accept GITHUB_TOKEN"
    if answer.status_code == 429 or answer.headers.get("x-ratelimit-remaining") == "0":
        return "GitHub's rate limit is used up; the next run goes on where this one stopped"
    if answer.status_code == 410:
        return "the repository has its issues switched off"
    if answer.status_code in (403, 404):
        return f"GitHub refused ({answer.status_code}): the token needs 'issues: write' on the repository"
    return f"GitHub answered {answer.status_code} to {answer.request.method} {answer.request.url.path}"
