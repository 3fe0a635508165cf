"""results.json, schema 1: what tools outside rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.finding import Finding, Results

SCHEMA = Path(__file__).with_name("results.schema.json")
# What the contract names; everything else in a Finding is for this project's own reports.
_FIELDS = (
    "id check title scenario severity stage outcome target resource resource_name service summary observed expected "
    "likely_cause evidence resolution commands console_url caused_by locations iam_action exempt_until change "
    "duration_s"
).split()


def as_dict(results: Results) -> dict[str, Any]:
    """The whole document."""
    return {
        "schema": 1,
        "target": ", ".join(results.targets),
        "targets": list(results.targets),
        "mode": results.mode,
        "account": results.account,
        "region": results.region,
        "started": results.started,
        "duration_s": results.duration_s,
        "exit_code": results.exit_code,
        "api": results.api,
        "checks": [_check(f) for f in results.findings],
        "root_causes": list(results.roots),
        "notes": list(results.notes),
    }


def _check(finding: Finding) -> dict[str, Any]:
    data = finding.as_dict()
    return {name: data[name] for name in _FIELDS}


def write(results: Results, out: Path) -> Path:
    """Write results.json whole or not at all."""
    path = out / "results.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(as_dict(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def read_baseline(path: str | None) -> dict[str, str]:
    """Outcome by finding id of an earlier run; empty without one.

    Raises:
        pytest.UsageError: the file is not a results.json.
    """
    if not path:
        return {}
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        return {c["id"]: c["outcome"] for c in data["checks"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise pytest.UsageError(f"--baseline: {path} is not a results.json of this suite") from None
