"""What ``make bench`` measured as a table, as docs/bench.json and as a drawing."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import leather

from reports import plots
from tests.bench import contestants

SUITE = "this suite"
BOUNDS = ("lower bound", "lower bound with clients")
# At most so many times the bound, at least so many times faster than the others; at 50 ms.
GOALS: Mapping[str, float] = {"lower bound": 1.3, "the guide's aws commands": 12.0, "naive pytest + boto3": 5.0}
DRAWN_MS = 50
_GREY = "#808080"


def document(
    results: Mapping[tuple[str, int], Mapping[str, float]],
    judged: Mapping[str, str],
    chain: tuple[int, tuple[str, ...]],
    rounds: int,
) -> dict[str, Any]:
    """All numbers, what they were measured on, and the ratios that they are for."""
    rows = [_row(name, delay_ms, measured, chain[0]) for (name, delay_ms), measured in sorted(results.items())]
    walls = {(r["contestant"], r["rtt_ms"]): r["wall_s"] for r in rows}
    return {
        "measured": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "machine": _machine(),
        "judged": dict(judged),
        "critical_path": {"round_trips": chain[0], "facts": list(chain[1])},
        "ratios": [_ratio(name, delay_ms, walls) for name, delay_ms in walls if name != SUITE],
        "results": rows,
    }


def _row(name: str, delay_ms: int, measured: Mapping[str, float], trips: int) -> dict[str, Any]:
    row = {"contestant": name, "rtt_ms": delay_ms, **measured}
    if name in BOUNDS:
        row["wall_s"] = round(row["wall_s"] + trips * delay_ms / 1000, 3)
    return row


def _ratio(name: str, delay_ms: int, walls: Mapping[tuple[str, int], float]) -> dict[str, Any]:
    own, other = walls[SUITE, delay_ms], walls[name, delay_ms]
    below = name in BOUNDS
    found = {"to": name, "rtt_ms": delay_ms, "ratio": round(own / other if below else other / own, 2)}
    found["means"] = "times the bound" if below else "times faster"
    if delay_ms == DRAWN_MS and name in GOALS:
        found |= {"goal": GOALS[name], "met": found["ratio"] <= GOALS[name] if below else found["ratio"] >= GOALS[name]}
    return found


def _machine() -> dict[str, Any]:
    versions = {n: importlib.metadata.version(n) for n in ("boto3", "botocore", "pytest", "pytest-xdist", "moto")}
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "load_15_min": round(os.getloadavg()[2], 2),
        **versions,
        "aws": _aws_cli(),
    }


def _aws_cli() -> str:
    """Version of the guide's contestant; "none" where only the other ones were measured."""
    if not contestants.AWS.exists():
        return "none"
    said = subprocess.run((str(contestants.AWS), "--version"), capture_output=True, text=True).stdout
    return said.split()[0] if said else "none"


def table(found: Mapping[str, Any]) -> str:
    """For the terminal: a line for each contestant and delay, then the ratios."""
    lines = [
        f"{'':28}{'RTT ms':>7}{'wall s':>8}{'CPU s':>7}{'MB':>6}{'requests':>10}{'connections':>13}{'at once':>9}"
        f"{'sandbox CPU s':>15}"
    ]
    lines += [
        f"{r['contestant']:28}{r['rtt_ms']:7}{r['wall_s']:8.2f}{r['cpu_s']:7.2f}{r['memory_mb']:6.0f}"
        f"{r['requests']:10.0f}{r['connections']:13.0f}{r['most_in_flight']:9.0f}{r['sandbox_cpu_s']:15.2f}"
        for r in found["results"]
    ]
    path = found["critical_path"]
    lines.append(f"\ncritical path: {path['round_trips']} round trips: {' → '.join(path['facts'])}")
    for r in found["ratios"]:
        goal = f"   goal {r['goal']}: {'met' if r['met'] else 'MISSED'}" if "goal" in r else ""
        lines.append(f"{r['rtt_ms']:4} ms  {r['ratio']:6.2f} {r['means']:16} {r['to']}{goal}")
    return "\n".join(lines)


def write(found: Mapping[str, Any], directory: Path) -> None:
    """docs/bench.json and docs/bench.svg."""
    (directory / "bench.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (directory / "bench.svg").write_text(drawing(found), encoding="utf-8")


def drawing(found: Mapping[str, Any]) -> str:
    """Wall time at 50 ms as bars, the longest first."""
    rows = sorted((r for r in found["results"] if r["rtt_ms"] == DRAWN_MS), key=lambda r: r["wall_s"])
    plots._dress()
    leather.theme.label_color = leather.theme.tick_color = leather.theme.zero_color = _GREY
    leather.theme.title_color = _GREY
    leather.theme.title_font_family = plots._FONT
    chart = leather.Chart(f"Seconds from start to end, {DRAWN_MS} ms round trips")
    chart.add_bars([(r["wall_s"], f"{r['contestant']}: {r['wall_s']:.1f} s") for r in rows], fill_color="#3b78d8")
    svg = str(chart.to_svg(width=760, height=60 + 34 * len(rows)))
    return re.sub(r"(\d\.\d)\d+", r"\1", svg) + "\n"
