"""results.json, schema 1: what tools outside rely on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from reports import conclusions, series
from reports.finding import Finding, Results

SCHEMA = Path(__file__).with_name("results.schema.json")


def as_dict(results: Results) -> dict[str, Any]:
    """The whole document. Fields beyond the contract's are for merging and for this project's own reports."""
    return {
        "schema": 1,
        "target": ", ".join(results.targets),
        "targets": list(results.targets),
        "mode": results.mode,
        "account": results.account,
        "region": results.region,
        "accounts": results.accounts,
        "regions": results.regions,
        "started": results.started,
        "duration_s": results.duration_s,
        "exit_code": results.exit_code,
        "verdict": conclusions.verdict(results),
        "counts": conclusions.counts(results),
        "not_judged": results.not_judged,
        "api": results.api,
        "checks": [f.as_dict() for f in results.findings],
        "root_causes": list(results.roots),
        "notes": list(results.notes),
        "series": [series.as_dict(s) for s in results.series],
    }


def write(results: Results, out: Path) -> Path:
    """Write results.json whole or not at all."""
    return write_whole(out / "results.json", json.dumps(as_dict(results), indent=1, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> Path:
    """Write a file so that a reader sees all of it or what was there before."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8", errors="replace")
    temporary.replace(path)
    return path


class NotResults(Exception):
    """A file that is not a results.json of schema 1. The message says which and why, in one line."""


def read(path: Path) -> Results:
    """An earlier run's results, as far as they were written.

    Raises:
        NotResults: it cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise NotResults(f"{path}: {e.strerror}") from None
    except ValueError:
        raise NotResults(f"{path} is not JSON") from None
    try:
        return _from_dict(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NotResults(f"{path} is not a results.json of schema 1") from None


def _from_dict(data: dict[str, Any]) -> Results:
    if data["schema"] != 1:
        raise ValueError(data["schema"])
    targets = tuple(data.get("targets") or [data["target"]])
    return Results(
        findings=[Finding.from_dict({"target": targets[0], **c}) for c in data["checks"]],
        roots=tuple(data["root_causes"]),
        notes=list(data.get("notes", [])),
        mode=data["mode"],
        targets=targets,
        accounts=dict(data.get("accounts") or dict.fromkeys(targets, data["account"])),
        regions=dict(data.get("regions") or dict.fromkeys(targets, data["region"])),
        started=data["started"],
        duration_s=data["duration_s"],
        exit_code=data["exit_code"],
        api=data["api"],
        series=[series.from_dict(s) for s in data.get("series", [])],
        not_judged=data.get("not_judged", 0),
    )
