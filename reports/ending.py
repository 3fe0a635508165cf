"""The end of a run: what it saw, what that adds up to, and every report written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.plugin import EXPANDED
from fixtures.selection import RUN
from fixtures.target import Exemption, Target
from reports import conclusions, history, metadata, series, timelines, to_github, to_html, to_json, to_junit, to_sarif
from reports.baseline import Baseline
from reports.baseline import compare as compare_with
from reports.finding import Finding, Results, empty_api
from reports.text import one_line

FILES = ("results.json", "report.html", "junit.xml", "summary.md", "results.sarif")
_ENDED_EARLY = (2, 3)  # interrupted, internal error


def clear(out: Path) -> None:
    """Make room for the reports: one of an earlier run must never be taken for this one's.

    Raises:
        pytest.UsageError: it cannot be written there.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (out / name).unlink(missing_ok=True)
    except OSError as e:
        raise pytest.UsageError(f"--out: cannot write to {out}: {e.strerror}") from None


def seen(config: pytest.Config) -> dict[str, Any]:
    """What this process asked and saw of each target, in types that xdist can carry."""
    api = empty_api()
    accounts: dict[str, str] = {}
    curves: list[dict[str, Any]] = []
    lives: list[dict[str, Any]] = []
    for environment in config.stash[RUN]:
        count = environment.count
        own = {"requests": count.requests, "distinct": count.distinct, "waited_s": count.waited_s}
        add(api, own | {"by_operation": dict(count.by_operation)})
        account = environment.peek("caller")
        accounts |= {environment.target.name: str(account)} if account else {}
        curves += [series.as_dict(s) for s in series.of(environment)]
        # Whoever gathered nothing need not be told which instant it would have been.
        found = timelines.of(environment, environment.now) if environment.outcomes() else ()
        lives += [timelines.as_dict(t) for t in found]
    expanded = config.stash.get(EXPANDED, 0)
    return {"api": api, "accounts": accounts, "series": curves, "timelines": lives, "expanded": expanded}


def take(results: Results, more: dict[str, Any]) -> None:
    """Add what one process saw."""
    add(results.api, more["api"])
    results.accounts |= more["accounts"]
    results.series += [series.from_dict(s) for s in more["series"]]
    results.timelines += [timelines.from_dict(t) for t in more["timelines"]]
    results.expanded += more["expanded"]


def add(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Add up counts of API requests."""
    total["requests"] += more["requests"]
    total["distinct"] += more["distinct"]
    total["waited_s"] = round(total["waited_s"] + more["waited_s"], 1)
    for operation, n in more["by_operation"].items():
        total["by_operation"][operation] = total["by_operation"].get(operation, 0) + n


def describe(config: pytest.Config, results: Results) -> None:
    """What the run was about."""
    run = config.stash[RUN]
    results.mode = run.options.mode
    results.targets = tuple(t.name for t in run.targets)
    results.regions = {e.target.name: e.region for e in run if e.region}
    results.started = run.now.isoformat()
    results.selection = one_line(" ".join(_selected(config)), 1000)


def _selected(config: pytest.Config) -> Iterator[str]:
    option = config.option
    if config.args_source == pytest.Config.ArgsSource.ARGS:
        yield from config.args
    for name, given in (("-m", option.markexpr), ("-k", option.keyword), ("--shard", option.shard)):
        yield from [f"{name} {given}"] if given else []


def conclude(session: pytest.Session, results: Results, exitstatus: int) -> None:
    """Fill in everything about the run, the causes and what should be noted besides."""
    config = session.config
    run = config.stash[RUN]
    take(results, seen(config))
    results.api["by_operation"] = dict(sorted(results.api["by_operation"].items()))
    describe(config, results)
    results.exit_code = exitstatus
    if session.shouldstop or session.shouldfail or exitstatus in _ENDED_EARLY:
        results.not_judged = max(0, session.testscollected + results.expanded - len(results.findings))
    if config.option.__dict__.get("numprocesses"):
        # Workers end in any order; reports of the same environment should look the same.
        results.findings.sort(key=lambda f: f.id)
    else:
        # Judged in another order: those first whose facts were likely to come first.
        order = {i.nodeid.partition("[")[0]: n for n, i in reversed(list(enumerate(session.items)))}
        results.findings.sort(key=lambda f: order.get(f.id.partition("[")[0], len(order)))
    results.findings = [_owned(f, results.targets) for f in results.findings]
    conclusions.conclude(results)
    known = metadata.known_checks(config.rootpath)
    for target in run.targets:
        own = [f for f in results.findings if f.target == target.name]
        results.notes.extend(_about_exemptions(target, own, known))


def _owned(finding: Finding, targets: tuple[str, ...]) -> Finding:
    """What no process could tell of belongs to a target, too: of several, to the one that its id names."""
    if finding.target:
        return finding
    parameters = finding.id.partition("[")[2].removesuffix("]")
    named = [t for t in targets if parameters == t or parameters.startswith(f"{t}-")]
    return replace(finding, target=max(named, key=len, default=targets[0] if targets else ""))


def compare(config: pytest.Config, results: Results, baseline: Baseline, past: list[history.Past]) -> None:
    """What changed since the baseline, or else since the last runs in the history; since when; then remember."""
    compare_with(results, baseline or history.last_outcomes(past, results.findings, results.mode))
    if config.option.history:
        history.look_back(results, past)
        history.append(Path(config.option.history), results)


def _about_exemptions(target: Target, findings: list[Finding], known: tuple[str, ...]) -> list[str]:
    return [said for one in target.exemptions if (said := _about(one, target, findings, known))]


def _about(exemption: Exemption, target: Target, findings: list[Finding], known: tuple[str, ...]) -> str:
    said = f"exemption of {exemption.check} on {exemption.resource} in {target.name}"
    judged = [f for f in findings if fnmatchcase(f.check, exemption.check)]
    covered = [f for f in judged if exemption.covers(f.check, *f.names)]
    if any(_is_about(exemption, f) for f in covered):
        return ""
    if known and not judged and not any(fnmatchcase(name, exemption.check) for name in known):
        return f"{said} names no check{metadata.nearest(exemption.check, known)}"
    # What could not be seen may well be what is exempted.
    unsure = not exemption.could_not_look and any(f.outcome == "unverified" for f in judged)
    what = "nothing that could not be looked at" if exemption.could_not_look else "no failure"
    return f"{said} matches {what}: remove it" if judged and not unsure else ""


def _is_about(exemption: Exemption, finding: Finding) -> bool:
    if exemption.could_not_look:
        return finding.outcome == "unverified" or finding.excused
    return finding.broken


def write(results: Results, config: pytest.Config) -> None:
    """Every report, and the body of pytest-html's."""
    write_all_but_page(results, Path(config.option.out))
    to_html.finish(config, results)


def write_all_but_page(results: Results, out: Path) -> None:
    """The reports that need nothing but results."""
    to_json.write(results, out)
    to_junit.write(results, out)
    to_sarif.write(results, out)
    to_github.write(results, out)


@contextmanager
def said_where_nothing_can_be_written(session: pytest.Session, results: Results) -> Iterator[None]:
    """A full disk takes files, but not what is said on the terminal. The run fails: somebody waits for the files."""
    try:
        yield
    except OSError as e:
        said = f"not all reports could be written to {session.config.option.out}: {e.strerror or e}"
        results.notes.append(f"{said}; make room there, or say with --out where there is")
        results.exit_code = session.exitstatus = int(session.exitstatus) or pytest.ExitCode.TESTS_FAILED
