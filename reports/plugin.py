"""The telling room's pytest plugin: turns pytest's reports into findings, and findings into files and words."""

from __future__ import annotations

import datetime as dt
import inspect
import os
import time
from collections.abc import Generator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from checks.diagnosis.causes import Effect, explain, roots
from checks.diagnosis.verdict import Verdict
from checks.guide import GUIDE, Bullet, Guide, GuideError, load_guide
from fixtures.errors import NotApplicable, Unavailable
from fixtures.plugin import CONFIGURATION_ERROR, EVERY, RUN, is_check
from fixtures.secret import REDACTOR
from fixtures.target import Exemption, Target
from reports import console, to_github, to_html, to_json, to_junit, to_terminal
from reports.finding import SEVERITIES, Finding, Results, is_milder, outcome_of

RESULTS = pytest.StashKey[Results]()
_GUIDES = pytest.StashKey[dict[str, Guide]]()
_BASELINE = pytest.StashKey[dict[str, str]]()
_STARTED = pytest.StashKey[float]()
_ONLY_CHECKS = pytest.StashKey[bool]()


def _judges(config: pytest.Config) -> bool:
    """Whether this invocation runs checks rather than the project's own tests."""
    tests = Path(config.rootpath, "tests")
    places = [Path(str(a).split("::")[0]).resolve() for a in config.args]
    prints = config.option.iam_policy or config.option.catalogue or config.option.list_faults
    return not prints and not config.option.collectonly and not all(p == tests or tests in p.parents for p in places)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose where reports go, and read what they are made with; wrong files end here, in one line."""
    config.stash[_ONLY_CHECKS] = _judges(config)
    if not config.stash[_ONLY_CHECKS]:
        return
    config.stash[RESULTS] = Results()
    config.stash[_STARTED] = time.monotonic()
    config.stash[_BASELINE] = to_json.read_baseline(config.option.baseline)
    if hasattr(config, "workerinput"):
        return
    out = Path(config.option.out)
    _clear(out)
    to_html.configure(config, out)
    to_junit.configure(config, out)
    to_terminal.configure(config)


def _clear(out: Path) -> None:
    """A report of an earlier run must never be taken for this one's."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in ("results.json", "report.html", "junit.xml", "summary.md"):
            (out / name).unlink(missing_ok=True)
    except OSError as e:
        raise pytest.UsageError(f"--out: cannot write to {out}: {e.strerror}") from None


def _guide(config: pytest.Config, target: Target) -> Guide:
    guides = config.stash.setdefault(_GUIDES, {})
    path = target.guide or str(GUIDE)
    if path not in guides:
        try:
            guides[path] = load_guide(Path(path))
        except GuideError as e:
            raise pytest.UsageError(str(e)) from None
    return guides[path]


# -- what a check must say of itself ----------------------------------------------------------------------------


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a check without metadata: it could neither be explained nor gated."""
    if not is_check(item):
        return
    where = f"{item.nodeid.split('[')[0]}"
    marks = {name: item.get_closest_marker(name) for name in ("severity", "guide")}
    for name, mark in marks.items():
        if mark is None:
            raise pytest.UsageError(f"{where}: a check needs @pytest.mark.{name}")
    if severity_of(item) not in SEVERITIES:
        raise pytest.UsageError(f"{where}: severity is one of {', '.join(SEVERITIES)}")
    if not _docstring(item):
        raise pytest.UsageError(f"{where}: a check needs a docstring; its first line is the title")
    if bullet_of(item).stage == "prevention":
        item.add_marker("prevention")


def severity_of(item: pytest.Item) -> str:
    """The declared severity."""
    mark = item.get_closest_marker("severity")
    return str(mark.args[0]) if mark and mark.args else ""


def bullet_of(item: pytest.Item) -> Bullet:
    """The guide's bullet that a check executes."""
    mark = item.get_closest_marker("guide")
    assert mark is not None
    try:
        return _guide(item.config, _target(item)).bullet(*mark.args)
    except GuideError:
        # A user's own guide may be shorter than ours.
        try:
            return load_guide().bullet(*mark.args)
        except GuideError as e:
            raise pytest.UsageError(f"{item.nodeid}: {e}") from None


def declared_causes(item: pytest.Item) -> tuple[str, ...]:
    """Names of the checks that would explain this one's failure."""
    return tuple(name for mark in item.iter_markers("caused_by") for name in mark.args)


def _docstring(item: pytest.Item) -> str:
    return (inspect.getdoc(getattr(item, "function", None)) or "").strip()


def _target(item: pytest.Item) -> Target:
    run = item.config.stash[RUN]
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("target_name") if callspec else None
    return run.environments[name].target if name else run.targets[0]


# -- from reports to findings -----------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A check may learn only while judging that its question does not apply."""
    try:
        return (yield)
    except NotApplicable as e:
        if is_check(pyfuncitem):
            pytest.skip(str(e))
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach a Finding to the report that decides, and make pytest's outcome follow it."""
    report = yield
    if not is_check(item) or RESULTS not in item.config.stash:
        return report
    if (report.when == "teardown" and report.passed) or (report.when == "setup" and report.passed):
        return report
    finding = _finding(item, call, report)
    _align(report, finding)
    report.user_properties.extend(to_junit.properties(finding))
    report.finding = finding.as_dict()  # type: ignore[attr-defined]
    return report


def _finding(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> Finding:
    error = call.excinfo.value if call.excinfo else None
    judged = isinstance(error, AssertionError)
    verdict = error.args[0] if judged and error and error.args and isinstance(error.args[0], Verdict) else None
    target = _target(item)
    callspec = getattr(item, "callspec", None)
    service = str(callspec.params.get("service_name", "")) if callspec else ""
    service = "" if service == EVERY else service
    bullet = bullet_of(item)
    finding = Finding(
        id=item.nodeid,
        check=getattr(item, "originalname", item.name),
        title=_docstring(item).splitlines()[0],
        scenario=str(item.get_closest_marker("guide").args[0]),  # type: ignore[union-attr]
        severity=severity_of(item),
        stage=bullet.stage,
        outcome=outcome_of(report.when, report.passed, report.skipped, judged),
        target=target.name,
        service=service,
        resource_name=service or target.name,
        resource=f"service/{service}" if service else target.name,
        related=(f"service/{service}",) if service else (),
        declared_causes=declared_causes(item),
        duration_s=round(call.duration, 4),
    )
    if finding.outcome == "not_applicable":
        return replace(finding, summary=REDACTOR.clean(_skip_reason(report)))
    if finding.outcome == "unverified":
        return _unverified(finding, error)
    if finding.outcome == "failed":
        return _failed(item, finding, verdict, error, bullet)
    return finding


def _skip_reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def _unverified(finding: Finding, error: BaseException | None) -> Finding:
    if isinstance(error, Unavailable):
        return replace(finding, summary=str(error), unavailable_cause=error.cause, iam_action=error.iam_action or "")
    said = f"{type(error).__name__}: {error}" if error is not None else "no reason given"
    summary = f"could not judge: the check itself went wrong, please report it: {said.splitlines()[0]}"
    return replace(finding, summary=REDACTOR.clean(summary), unavailable_cause="defect")


def _failed(
    item: pytest.Item, finding: Finding, verdict: Verdict | None, error: BaseException | None, bullet: Bullet
) -> Finding:
    target = _target(item)
    if verdict is None:
        first, *rest = str(error).splitlines() or ["the assertion has no message"]
        finding = replace(finding, summary=REDACTOR.clean(first), evidence=tuple(map(REDACTOR.clean, rest)))
        verdict_names: dict[str, str] = {}
        commands: tuple[str, ...] = ()
    else:
        finding = _from_verdict(finding, verdict, target)
        verdict_names = dict(verdict.names)
        commands = verdict.commands
    names = {**_names(target, finding.service), **verdict_names}
    finding = replace(
        finding,
        resolution=bullet.resolved(names),
        commands=tuple(dict.fromkeys((*commands, *bullet.commands_for(names)))),
    )
    run = item.config.stash[RUN]
    return _gated(_exempted(finding, target, run.now.date()), item.config.option.fail_on)


def _from_verdict(finding: Finding, verdict: Verdict, target: Target) -> Finding:
    clean = REDACTOR.clean
    return replace(
        finding,
        resource=verdict.resource,
        resource_name=verdict.name or finding.resource_name,
        severity=verdict.severity or finding.severity,
        summary=clean(verdict.summary),
        observed=clean(verdict.observed),
        expected=clean(verdict.expected),
        likely_cause=clean(verdict.likely_cause),
        evidence=tuple(clean(line) for line in verdict.evidence),
        related=tuple(dict.fromkeys((*finding.related, verdict.resource, *verdict.related))),
        signs=verdict.signs,
        locations=verdict.locations,
        console_url=console.url(verdict.resource, target.region),
    )


def _names(target: Target, service: str) -> dict[str, str]:
    """Values for the guide's placeholders that the target alone knows."""
    settings = target.settings_of(service) if service else None
    names = {
        "target": target.name,
        "project": target.project,
        "environment": target.environment,
        "region": target.region,
        "cluster": target.cluster,
        "database": target.database.identifier or f"{target.prefix}-db",
        "load_balancer": f"{target.prefix}-alb",
        "terraform_directory": target.terraform.directory,
    }
    if settings is not None:
        names |= {"service": settings.service, "family": settings.service, "container": settings.container}
    return {k: v for k, v in names.items() if v}


def _exempted(finding: Finding, target: Target, today: dt.date) -> Finding:
    for one in target.exemptions:
        if not one.covers(finding.check, finding.resource, finding.resource_name):
            continue
        if one.expires >= today:
            return replace(finding, outcome="advisory", exempt_until=one.expires.isoformat(), exempt_reason=one.reason)
        said = f"{finding.summary} (its exemption expired on {one.expires}: fix it or renew it)"
        return replace(
            finding,
            summary=said,
            severity="high" if finding.severity in ("medium", "low") else finding.severity,
        )
    return finding


def _gated(finding: Finding, fail_on: str) -> Finding:
    if finding.outcome == "failed" and is_milder(finding.severity, fail_on):
        return replace(finding, outcome="advisory")
    return finding


def _align(report: pytest.TestReport, finding: Finding) -> None:
    """Make pytest, and everything that reads its reports, agree with the finding."""
    if finding.outcome == "advisory":
        report.outcome = "skipped"
        report.wasxfail = f"advisory: {finding.summary}"
        report.longrepr = finding.summary
    elif finding.outcome == "unverified":
        # Not having been able to look is an error, in JUnit and in the exit code, wherever it came to light.
        report.when = "setup" if report.when == "call" else report.when
        report.longrepr = finding.summary
    elif finding.outcome == "failed":
        report.longrepr = "\n".join((finding.summary, *(f"  {line}" for line in finding.evidence)))
    report.sections = [(name, REDACTOR.clean(text)) for name, text in report.sections]


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    """pytest's own letters, with names that say what the outcome means."""
    finding = getattr(report, "finding", None)
    if finding is None:
        return None
    return to_terminal.status(finding["outcome"])


class Collector:
    """Keeps the findings of a run; registered in the controlling process only."""

    def __init__(self, results: Results, baseline: dict[str, str]) -> None:
        self._results = results
        self._baseline = baseline

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the finding off a report."""
        data = getattr(report, "finding", None)
        if data is None:
            return
        finding = Finding.from_dict(data)
        before = self._baseline.get(finding.id)
        if self._baseline or before:
            finding = replace(finding, change=_change(finding, before))
        known = [i for i, f in enumerate(self._results.findings) if f.id == finding.id]
        if known:
            self._results.findings[known[0]] = finding
        else:
            self._results.findings.append(finding)


def _change(finding: Finding, before: str | None) -> Any:
    was_broken = before in ("failed", "advisory", "unverified")
    if finding.outcome in ("failed", "advisory", "unverified"):
        return "known" if was_broken else "new"
    return "fixed" if was_broken and finding.outcome == "passed" else None


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to listen."""
    config = session.config
    if RESULTS in config.stash and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config.stash[RESULTS], config.stash[_BASELINE]), "runbook-collector")


# -- the end of a run -------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Draw conclusions, then write every report."""
    config = session.config
    if RESULTS not in config.stash:
        return (yield)
    if hasattr(config, "workerinput"):
        config.workeroutput["runbook"] = _counts(config)  # type: ignore[attr-defined]
        return (yield)
    results = config.stash[RESULTS]
    if results.findings:
        _conclude(config, results, int(exitstatus))
    outcome = yield
    if results.findings and CONFIGURATION_ERROR not in config.stash:
        results.exit_code = int(session.exitstatus)
        out = Path(config.option.out)
        to_json.write(results, out)
        to_github.write(results, out)
    return outcome


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add up what xdist workers asked."""
    counts = getattr(node, "workeroutput", {}).get("runbook")
    if counts and RESULTS in node.config.stash:
        _add(node.config.stash[RESULTS].api, counts)


def _counts(config: pytest.Config) -> dict[str, Any]:
    total: dict[str, Any] = {"requests": 0, "distinct": 0, "by_operation": {}}
    for environment in config.stash[RUN]:
        count = environment.count
        _add(
            total,
            {
                "requests": count.requests,
                "distinct": count.distinct,
                "by_operation": dict(count.by_operation),
            },
        )
    return total


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    total["requests"] += more["requests"]
    total["distinct"] += more["distinct"]
    for operation, n in more["by_operation"].items():
        total["by_operation"][operation] = total["by_operation"].get(operation, 0) + n


def _conclude(config: pytest.Config, results: Results, exitstatus: int) -> None:
    run = config.stash[RUN]
    _add(results.api, _counts(config))
    results.api["by_operation"] = dict(sorted(results.api["by_operation"].items()))
    results.mode = run.options.mode
    results.targets = tuple(t.name for t in run.targets)
    results.region = ", ".join(dict.fromkeys(t.region for t in run.targets if t.region))
    accounts = [e.peek("caller") for e in run]
    results.account = ", ".join(dict.fromkeys(str(a) for a in accounts if a))
    results.started = run.now.isoformat()
    results.duration_s = round(time.monotonic() - config.stash[_STARTED], 3)
    results.exit_code = exitstatus
    results.findings = _with_causes(results.findings)
    results.roots = _roots(results)
    results.notes.extend(_unused_exemptions(run.targets, results.findings))


def _effect(finding: Finding) -> Effect:
    return Effect(
        id=finding.id,
        check=finding.check,
        broken=finding.broken,
        declared=finding.declared_causes,
        target=finding.target,
        service=finding.service,
        related=finding.related,
        signs=finding.signs,
    )


def _with_causes(findings: list[Finding]) -> list[Finding]:
    wrong = [_effect(f) for f in findings if f.outcome in ("failed", "advisory", "unverified")]
    causes = explain(wrong)
    return [replace(f, caused_by=causes.get(f.id, ())) for f in findings]


def _roots(results: Results) -> tuple[str, ...]:
    order = {f.id: n for n, f in enumerate(results.of("failed", "advisory", "unverified"))}
    wrong = sorted((f for f in results.findings if f.id in order), key=lambda f: order[f.id])
    failed = {f.id for f in results.findings if f.outcome == "failed"}
    # What is merely advisory may explain a failure, but is not itself a cause that anybody is woken for.
    return tuple(r for r in roots([_effect(f) for f in wrong]) if r in failed)


def _unused_exemptions(targets: tuple[Target, ...], findings: list[Finding]) -> list[str]:
    pairs = [(t, one) for t in targets for one in t.exemptions]
    return [
        f"exemption of {one.check} on {one.resource} in {target.name} matches no failure: remove it"
        for target, one in pairs
        if _is_unused(one, [f for f in findings if f.target == target.name])
    ]


def _is_unused(exemption: Exemption, findings: list[Finding]) -> bool:
    """Whether what it speaks of was judged, and nothing of it failed."""
    judged = [f for f in findings if fnmatchcase(f.check, exemption.check)]
    return bool(judged) and not any(exemption.covers(f.check, f.resource, f.resource_name) and f.broken for f in judged)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was found, roots first."""
    if CONFIGURATION_ERROR in config.stash:
        terminalreporter.write_line(f"ERROR: {config.stash[CONFIGURATION_ERROR]}", red=True)
    elif RESULTS in config.stash and config.stash[RESULTS].findings:
        to_terminal.summary(terminalreporter, config.stash[RESULTS], config)
        _annotate(config.stash[RESULTS])


@pytest.hookimpl(optionalhook=True)
def pytest_html_report_title(report: Any) -> None:
    """The title says whether anything in the report is real."""
    report.title = "Runbook checks"


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix: list[str], session: pytest.Session) -> None:
    """Verdict, causes and cards come before pytest-html's table."""
    results = session.config.stash.get(RESULTS, None)
    if results is not None and results.findings:
        prefix.append(to_html.opening(results))


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_header(cells: list[str]) -> None:
    """A column for what was found."""
    cells.insert(2, "<th>Summary</th>")


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report: Any, cells: list[str]) -> None:
    """What was found, escaped."""
    data = getattr(report, "finding", None)
    cells.insert(2, to_html.row_cell(Finding.from_dict(data)) if data else "<td></td>")


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_html(report: Any, data: list[str]) -> None:
    """Evidence and resolution below the row, in place of a traceback."""
    found = getattr(report, "finding", None)
    if found:
        data[:] = [to_html.row_detail(Finding.from_dict(found))]


def _annotate(results: Results) -> None:
    """Workflow commands count only at the start of a line of the job's own output."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(("", *to_github.workflow_commands(results))), flush=True)
