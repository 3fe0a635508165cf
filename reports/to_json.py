"""results.json, schema 1: what tools outside rely on."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from fixtures.whole_files import written_whole
from reports import conclusions, series, timelines
from reports.finding import OUTCOMES, SEVERITIES, Finding, Results
from reports.judgement import harmless
from reports.text import inert, one_line

SCHEMA = Path(__file__).with_name("results.schema.json")
_NULLABLE = ("exempt_until", "change")
# The type of each field of a finding: that of its default, words where there is none.
_KINDS: dict[str, Any] = {
    f.name: (str, type(None))
    if f.name in _NULLABLE
    else (int, float)
    if f.name == "duration_s"
    else str
    if f.default is NODEFAULT
    else type(f.default)
    for f in fields(Finding)
}


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
        "selection": results.selection,
        "duration_s": results.duration_s,
        "exit_code": results.exit_code,
        "verdict": conclusions.verdict(results),
        "counts": conclusions.counts(results),
        "not_judged": results.not_judged,
        "api": {**results.api, "billed_usd": conclusions.billed_usd(results)},
        "checks": [f.as_dict() for f in results.findings],
        "root_causes": list(results.roots),
        "notes": list(results.notes),
        "series": [series.as_dict(s) for s in results.series],
        "timelines": [timelines.as_dict(t) for t in results.timelines],
    }


def write(results: Results, out: Path) -> Path:
    """Write results.json whole or not at all: a line for each finding and for everything else."""
    return write_whole(out / "results.json", _lines(as_dict(results)))


def _lines(document: dict[str, Any]) -> Iterator[str]:
    # A large environment has tens of thousands of findings: neither their text is made whole, nor by Python's own
    # encoder, which the C one leaves to it where it shall indent.
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    opening = "{"
    for name, value in document.items():
        yield f"{opening}\n {encode(name)}: "
        yield from _array(map(encode, value)) if name == "checks" else (encode(value),)
        opening = ","
    yield "\n}\n"


def _array(items: Iterable[str]) -> Iterator[str]:
    before = "["
    for item in items:
        yield f"{before}\n  {item}"
        before = ","
    yield "[]" if before == "[" else "\n ]"


def write_whole(path: Path, text: str | Iterable[str]) -> Path:
    """Write a file so that a reader sees all of it or what was there before."""
    with written_whole(path) as beside, beside.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines([text] if isinstance(text, str) else text)
    return path


class NotResults(Exception):
    """A file that is not a results.json of schema 1. The message says which and why, in one line."""


def read(path: Path) -> Results:
    """An earlier run's results, as far as they were written.

    Raises:
        NotResults: it cannot be read, or is something else.
    """
    try:
        # What Python alone calls JSON (NaN, Infinity) nobody could read again once it was written.
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number, parse_float=_finite)
    except OSError as e:
        raise NotResults(f"{path}: {e.strerror}") from None
    except (ValueError, RecursionError):
        raise NotResults(f"{path} is not JSON") from None
    try:
        return _from_dict(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise NotResults(f"{path} is not a results.json of schema 1") from None


def _no_number(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _from_dict(data: dict[str, Any]) -> Results:
    if data["schema"] != 1:
        raise ValueError(data["schema"])
    targets = _words(data.get("targets") or [data["target"]])
    return Results(
        findings=[_finding({"target": targets[0], **c}) for c in data["checks"]],
        roots=_words(data["root_causes"]),
        notes=[one_line(n, 1000) for n in _words(data.get("notes", []))],
        mode=_one_of(data["mode"], ("live", "sandbox")),
        targets=targets,
        accounts=_named(data.get("accounts") or dict.fromkeys(targets, data["account"])),
        regions=_named(data.get("regions") or dict.fromkeys(targets, data["region"])),
        started=dt.datetime.fromisoformat(data["started"]).isoformat(),
        selection=one_line(str(data.get("selection", ""))),
        duration_s=_number(data["duration_s"]),
        exit_code=int(_number(data["exit_code"])),
        api=_api(data["api"]),
        series=[series.from_dict(s) for s in data.get("series", [])],
        timelines=[timelines.from_dict(t) for t in data.get("timelines", [])],
        not_judged=int(_number(data.get("not_judged", 0))),
    )


def _finding(data: dict[str, Any]) -> Finding:
    """A finding out of a file that anybody may have written: of the right types, and harmless again."""
    one = Finding.from_dict(data)
    for field, kind in _KINDS.items():
        if not isinstance(getattr(one, field), kind):
            raise TypeError(field)
    _one_of(one.outcome, OUTCOMES)
    _one_of(one.severity, SEVERITIES)
    for field in _KINDS:
        if _KINDS[field] is tuple:
            _words(getattr(one, field))
    _one_of(one.change, (None, "new", "known", "fixed"))
    own: dict[str, Any] = {
        f: inert(getattr(one, f), 1000) for f in ("id", "check", "title", "scenario", "stage", "target", "service")
    }
    return harmless(replace(one, **own))


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise TypeError(value)
    return tuple(value)


def _named(value: dict[str, Any]) -> dict[str, str]:
    return dict(zip(_words(list(value)), _words(list(value.values())), strict=True))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(value)
    return value


def _one_of(value: Any, known: tuple[str | None, ...]) -> str:
    if value not in known:
        raise ValueError(value)
    return str(value)


def _api(value: dict[str, Any]) -> dict[str, Any]:
    counts = {str(k): int(_number(n)) for k, n in value["by_operation"].items()}
    return {
        "requests": int(_number(value["requests"])),
        "distinct": int(_number(value["distinct"])),
        "waited_s": _number(value.get("waited_s", 0.0)),
        "by_operation": counts,
    }
