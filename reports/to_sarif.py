"""results.sarif (SARIF 2.1.0): findings that name a line of a file, for code scanning and editors."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reports.finding import Finding, Results
from reports.locations import place
from reports.to_json import write_whole

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
NAME = "results.sarif"
# Scenarios whose findings are about lines of files.
_PLACED = ("docker", "terraform")
_MOST_RESULTS = 5000  # what GitHub shows of one file


def write(results: Results, out: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Write results.sarif; without results where nothing names a file, which closes what was open before.

    So there is no file, and None is returned, where something could not be looked at: what was open stays so.
    """
    if not says_all(results):
        (out / NAME).unlink(missing_ok=True)
        return None
    document = json.dumps(as_dict(results, environment), indent=1, ensure_ascii=False)
    return write_whole(out / NAME, document + "\n")


def says_all(results: Results) -> bool:
    """Whether all was looked at that may name a file."""
    blind = any(f.outcome == "unverified" or f.excused for f in results.findings if f.scenario in _PLACED)
    return not blind and not results.not_judged


def as_dict(results: Results, environment: Mapping[str, str]) -> dict[str, Any]:
    """The whole document."""
    placed = [f for f in results.of("failed", "advisory") if f.locations]
    rules = {f.check: _rule(f) for f in placed}
    order = {check: n for n, check in enumerate(rules)}
    found = [_result(f, location, order[f.check], environment) for f in placed for location in f.locations]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "runbook-checks", "rules": list(rules.values())}},
                "columnKind": "unicodeCodePoints",
                # What is compared with what was open before: a smoke test says nothing of what the night judged.
                "automationDetails": {"id": f"{'/'.join(_category(results))}/"},
                "results": found[:_MOST_RESULTS],
            }
        ],
    }


def _category(results: Results) -> list[str]:
    return ["runbook-checks", ", ".join(results.targets), *([results.selection] if results.selection else [])]


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.check,
        "name": finding.check,
        "shortDescription": {"text": finding.title},
        "fullDescription": {"text": finding.title},
        "help": {"text": finding.resolution or finding.title},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {"tags": [finding.scenario]},
    }


def _result(finding: Finding, location: str, rule: int, environment: Mapping[str, str]) -> dict[str, Any]:
    where = place(location, environment)
    mark = hashlib.sha256(f"{finding.target} {finding.check} {finding.service} {where.path}".encode()).hexdigest()
    return {
        "ruleId": finding.check,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.summary},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(where.path)},
                    "region": {"startLine": where.line},
                }
            }
        ],
        "partialFingerprints": {"runbookChecks/v1": mark[:32]},
        **({"suppressions": [_suppression(finding)]} if finding.exempt_until else {}),
    }


def _uri(path: str) -> str:
    return f"file://{quote(path)}" if path.startswith("/") else quote(path)


def _suppression(finding: Finding) -> dict[str, str]:
    return {"kind": "external", "justification": f"until {finding.exempt_until}: {finding.exempt_reason}"}
