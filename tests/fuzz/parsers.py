"""Everything that reads what a stranger may have written, each as a function of a text that must take any."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.diagnosis import build_log, connection_errors, log_signatures, service_events, terraform_errors
from fixtures import hcl, log_text, source, terraform, terraform_plan, workflows
from fixtures.errors import Unavailable
from fixtures.facts.state import read_lock
from fixtures.model import access_log
from fixtures.secret import REDACTOR
from fixtures.sql import without_values
from reports.text import harmless_lines


def _may_refuse(parse: Callable[[str], Any], *errors: type[Exception]) -> Callable[[str], Any]:
    """A parser that says of what it cannot read that it cannot."""

    def tried(text: str) -> Any:
        with contextlib.suppress(*errors):
            return parse(text)

    return tried


LINES: dict[str, Callable[[str], Any]] = {
    "build-log-line": build_log.classify_line,
    "build-log": lambda t: build_log.telling_lines(t.splitlines()),
    "terraforms-words": terraform_errors.classify,
    "terraforms-errors": terraform_errors.errors_in,
    "stack-trace": log_signatures.recognise,
    "connection-error": lambda t: connection_errors.classify(t, ["db.example"], [5432]),
    "service-event": service_events.complaint,
    "log-line": log_text.clean_line,
    "access-log-line": _may_refuse(access_log.parse, access_log.Malformed),
    "statement": without_values,
    "secrets": REDACTOR.clean,
    "evidence": lambda t: harmless_lines([t]),
}


def _file(path: str, read: Callable[[Path, Path], Any]) -> Callable[[str], Any]:
    """A reader of files, for the text in a file of this name."""

    def parse(text: str) -> Any:
        with tempfile.TemporaryDirectory() as made:
            file = Path(made) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", errors="surrogatepass")
            return read(Path(made), file)

    return parse


DOCUMENTS: dict[str, Callable[[str], Any]] = {
    "diagnostics": lambda t: terraform.diagnostics(t, "terraform"),
    "plan": _may_refuse(terraform_plan.read_plan, ValueError),
    "lock": lambda t: read_lock("s3://b/k", t),
    "dockerfile": _file("Dockerfile", source.read_dockerfile),
    "workflow": _file(".github/workflows/w.yml", lambda root, _: workflows.read_workflows(root)),
    "terraform": _may_refuse(
        _file("terraform/main.tf", lambda root, _: hcl.read_source(str(root), "terraform")), Unavailable
    ),
}
