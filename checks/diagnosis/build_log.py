"""What a build's log says went wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checks.diagnosis.verdict import Verdict
from fixtures.model.source import BuildRun

_SHOWN = 12
_LONGEST_LINE = 400
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ")


@dataclass(frozen=True)
class Failure:
    """A kind of build failure. ``runner``: the machine's trouble, which says nothing about the image."""

    what: str
    cause: str
    runner: bool = False


# Messages of BuildKit, the legacy builder, pip and npm; the most specific first.
_FAILURES: tuple[tuple[str, Failure], ...] = (
    (r"dockerfile parse error|unknown instruction|failed to parse dockerfile|no build stage in current context",
     Failure("Dockerfile syntax", "an instruction is misspelt or stands before FROM")),
    (r"failed to (?:compute|calculate) (?:cache key|checksum)[^\n]*not found|COPY failed: file not found",
     Failure("missing file", "COPY names a file that is not there, or that .dockerignore keeps out")),
    (r"No matching distribution found|Could not find a version that satisfies",
     Failure("dependency version", "a Python package has no such version")),
    (r"npm (?:ERR!|error) code (?:ETARGET|E404)", Failure("dependency version", "an npm package has no such version")),
    (r"npm (?:ERR!|error) code (?:ERESOLVE|EUSAGE)",
     Failure("dependency versions", "package.json and its lock contradict each other")),
    (r"toomanyrequests|pull rate limit", Failure("rate limit", "the registry refuses more pulls", runner=True)),
    (r"no match for platform|exec format error", Failure("platform", "the base image is not built for this platform")),
    (r"(?:manifest unknown|pull access denied|failed to resolve source metadata|failed to resolve reference)",
     Failure("base image", "FROM names an image that does not exist or may not be read")),
    (r"no space left on device", Failure("runner", "the runner's disk is full", runner=True)),
    (r"Cannot connect to the Docker daemon", Failure("runner", "no Docker daemon", runner=True)),
    (r"AccessDenied|not authorized to perform", Failure("permission", "the workflow's role lacks a permission")),
    (r"did not complete successfully: exit code|returned a non-zero code",
     Failure("build step", "a RUN instruction failed; the lines above it say why")),
    (r"##\[error\]|\bERROR\b|npm (?:ERR!|error)", Failure("build", "the step failed; its lines say why")),
)  # fmt: skip


def telling_lines(log: str) -> list[str]:
    """The lines of a log that match a known failure, with their neighbours; last ones first to survive the bound."""
    lines = [_TIMESTAMP.sub("", _ANSI.sub("", line[: 10 * _LONGEST_LINE])) for line in log.splitlines()]
    hits = [n for n, line in enumerate(lines) if classify_line(line) is not None]
    chosen = sorted({m for n in hits[-_SHOWN:] for m in (n - 1, n) if m >= 0})
    return [lines[n].strip()[:_LONGEST_LINE] for n in chosen][-2 * _SHOWN :]


def classify_line(line: str) -> Failure | None:
    """What kind of failure a line reports."""
    return next((f for pattern, f in _FAILURES if re.search(pattern, line, re.IGNORECASE)), None)


def classify(lines: Sequence[str]) -> Failure | None:
    """The most specific failure that any of the lines reports."""
    text = "\n".join(lines)
    return next((f for pattern, f in _FAILURES if re.search(pattern, text, re.IGNORECASE)), None)


def judge(run: BuildRun, target: str) -> Verdict:
    """The last build succeeded."""
    failure = classify(run.lines)
    failed = run.conclusion in ("failure", "timed_out", "startup_failure") or (
        not run.conclusion and failure is not None
    )
    what = failure or Failure("unknown", "nothing in its log is known to this suite")
    step = f" in step {run.failed_step!r}" if run.failed_step else ""
    return Verdict(
        ok=not failed,
        resource=run.url or f"build/{target}",
        name=run.name,
        observed=f"the last build failed{step}: {what.what}" if failed else "the last build succeeded",
        expected="a successful build",
        evidence=run.lines[-_SHOWN:],
        likely_cause=what.cause if failed else "",
        severity="medium" if failed and what.runner else None,
        related=("build",),
        names={"run_url": run.url, "workflow": run.name},
    )


def reached_scan(run: BuildRun, scan_step: str, target: str) -> Verdict:
    """A failing run got as far as the scan of the image."""
    scan = next((n for n, s in enumerate(run.steps) if scan_step.lower() in s.lower()), None)
    failed = next((n for n, s in enumerate(run.steps) if s == run.failed_step), None)
    before = failed is not None and scan is not None and failed < scan
    return Verdict(
        ok=not before,
        resource=run.url or f"build/{target}",
        name=run.name,
        observed=f"it failed in {run.failed_step!r}, before {run.steps[scan or 0]!r}"
        if before
        else "it reached the scan",
        expected="no failure before the scan",
        evidence=tuple(f"{n + 1}. {s}" for n, s in enumerate(run.steps)),
        likely_cause="the image was neither scanned nor pushed: what runs is older" if before else "",
        related=("build",),
        names={"run_url": run.url, "workflow": run.name},
    )
