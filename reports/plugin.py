"""The telling room's pytest plugin: turns pytest's reports into findings, and findings into files and words."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Generator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import pytest

from fixtures.errors import NotApplicable
from fixtures.plugin import CONFIGURATION_ERROR
from fixtures.secret import REDACTOR
from fixtures.selection import is_check
from reports import ending, history, metadata, to_github, to_html, to_junit, to_terminal
from reports.baseline import Baseline, read_baseline
from reports.finding import Finding, Results
from reports.judgement import finding_of
from reports.progress import Progress
from reports.text import MOST_LINES, harmless_lines, inert, one_line

RESULTS = pytest.StashKey[Results]()
_BASELINE = pytest.StashKey[Baseline]()
_PAST = pytest.StashKey[list[history.Past]]()
_STARTED = pytest.StashKey[float]()
_PROGRESS = pytest.StashKey[Progress]()
_RESUME = pytest.StashKey[str]()


def _judges(config: pytest.Config) -> bool:
    """Whether this invocation runs checks rather than the project's own tests."""
    tests = Path(config.rootpath, "tests")
    places = [Path(str(a).split("::")[0]).resolve() for a in config.args]
    prints = config.option.iam_policy or config.option.catalogue or config.option.list_faults
    return not prints and not config.option.collectonly and not all(p == tests or tests in p.parents for p in places)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose where reports go, and read what they are made with; wrong files end here, in one line."""
    if not _judges(config):
        return
    config.stash[RESULTS] = Results()
    config.stash[_STARTED] = time.monotonic()
    if hasattr(config, "workerinput"):
        return
    config.stash[_BASELINE] = read_baseline(config.option.baseline)
    config.stash[_PAST] = []
    if config.option.history:
        config.stash[_PAST] = history.read(Path(config.option.history))
        history.writable(Path(config.option.history))
    out = Path(config.option.out)
    ending.clear(out)
    to_html.configure(config, out, config.stash[RESULTS])
    to_terminal.configure(config)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a check without metadata."""
    if is_check(item):
        metadata.require(item)


# -- from reports to findings -----------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A check may learn only while judging that its question does not apply."""
    try:
        return (yield)
    except NotApplicable as e:
        if not is_check(pyfuncitem):
            raise
        reason = str(e)
    # Not within the handler: pytest would format the one exception as the context of the other.
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach a Finding to the report that decides, and make pytest's outcome follow it."""
    if not is_check(item) or RESULTS not in item.config.stash:
        return (yield)
    way = _shorten(item, call)
    report = yield
    if report.when in ("setup", "teardown") and report.passed:
        return report
    finding = finding_of(item, call, report)
    _align(report, finding)
    if finding.outcome in ("advisory", "not_applicable"):
        _let_go(call, way)
    if getattr(item.config.option, "xmlpath", None):
        # pytest's own JUnit takes the properties of the last report, which the item hands on to it.
        item.user_properties[:] = to_junit.properties(finding)
        report.user_properties = list(item.user_properties)
    # What goes from an xdist worker to its controller is plain data.
    told = finding.as_dict() if hasattr(item.config, "workerinput") else finding
    report.finding = told  # type: ignore[attr-defined]
    return report


def _shorten(item: pytest.Item, call: pytest.CallInfo[None]) -> TracebackType | None:
    """Show pytest of a failed assertion only the check's own frames: it reads through the source of each.

    Returns all of them.
    """
    if call.excinfo is None:
        return None
    way = place = call.excinfo.tb
    code = getattr(getattr(item, "obj", None), "__code__", None)
    while place is not None and place.tb_frame.f_code is not code:
        place = place.tb_next  # type: ignore[assignment]
    if place is not None and isinstance(call.excinfo.value, AssertionError):
        call.excinfo = pytest.ExceptionInfo.from_exception(call.excinfo.value.with_traceback(place))
    return way


def _let_go(call: pytest.CallInfo[None], way: TracebackType | None) -> None:
    """Drop an exception and the frames on its way, which hold each other: of thousands, that is a lot of memory.

    Those of a failure are kept, for --pdb.
    """
    if call.excinfo is not None:
        call.excinfo.value.__traceback__ = None
        call.excinfo = None
    if way is not None:
        traceback.clear_frames(way)


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
        report.longrepr = to_junit.told(finding)
    elif finding.outcome == "not_applicable":
        # An exempted could-not-look arrives as an error.
        report.outcome = "skipped"
        # pytest's own reason begins with a place in this suite, which changes from version to version.
        report.longrepr = ("", 0, f"Skipped: {finding.summary}")
    report.sections = [(name, REDACTOR.clean(text)) for name, text in report.sections]


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, Any] | None:
    """pytest's own categories, with names that say what the outcome means; no dots unless asked for."""
    finding = getattr(report, "finding", None)
    return to_terminal.status(finding.outcome, config) if isinstance(finding, Finding) else None


_NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


# So much of its end is kept of what went wrong besides the checks.
_LONGEST_ERROR = 20_000


class Collector:
    """Keeps the findings of a run; registered in the controlling process only."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._places: dict[str, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the finding off a report before anything else reads it; of a worker's report, make one of its data.

        Terminal and page keep reports until the end: of tens of thousands, what nobody reads takes a lot of room.
        """
        report.keywords = _NO_KEYWORDS
        told = getattr(report, "finding", None)
        if told is not None:
            finding = told if isinstance(told, Finding) else Finding.from_dict(told)
            report.finding = finding  # type: ignore[attr-defined]
        elif report.failed and "::check_" in report.nodeid:
            finding = _lost(report)
        else:
            if report.failed:
                self._other_error(report.nodeid, f"failed on {report.when}", report.longreprtext)
            return
        if finding.outcome == "failed":
            report.longrepr = to_junit.Told(finding)  # type: ignore[assignment]
        self._keep(finding)

    def _keep(self, finding: Finding) -> None:
        place = self._places.setdefault(finding.id, len(self._results.findings))
        if place == len(self._results.findings):
            self._results.findings.append(finding)
        elif self._results.findings[place].outcome != "failed":
            # A teardown that goes wrong must not hide what the check found.
            self._results.findings[place] = finding
        else:
            self._other_error(finding.id, finding.summary, "\n".join(finding.evidence))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read."""
        if report.failed:
            self._other_error(report.nodeid, "collection failure", report.longreprtext)

    def pytest_internalerror(self, excrepr: object) -> None:
        """A plugin, or pytest, went wrong."""
        self._other_error("pytest::internal", "internal error", str(excrepr))

    def _other_error(self, place: str, what: str, text: str) -> None:
        # What went wrong is said at the end. A line that was cut may begin with half a secret, not known as one.
        kept = text if len(text) <= _LONGEST_ERROR else text[-_LONGEST_ERROR:].partition("\n")[2]
        lines = REDACTOR.clean(kept).splitlines()[-MOST_LINES:]
        self._results.other_errors.append((inert(place), inert(what), "\n".join(harmless_lines(lines))))

    @property
    def count(self) -> int:
        """How many checks were judged so far."""
        return len(self._places)


def _lost(report: pytest.TestReport) -> Finding:
    """A check of which no process could tell anything, e.g. since its xdist worker was killed."""
    path, _, name = report.nodeid.partition("::")
    check = name.partition("[")[0]
    return Finding(
        id=report.nodeid,
        check=check,
        title=check.removeprefix("check_").replace("_", " "),
        scenario=Path(path).stem.removeprefix("check_"),
        severity="high",
        stage="diagnosis",
        outcome="unverified",
        target="",
        summary=one_line(f"could not judge: {REDACTOR.clean(str(report.longrepr))}"),
        unavailable_cause="defect",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to listen."""
    config = session.config
    if RESULTS not in config.stash or hasattr(config, "workerinput"):
        return
    collector = Collector(config.stash[RESULTS])
    config.pluginmanager.register(collector, "runbook-collector")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("GITHUB_ACTIONS") == "true" and reporter is not None:
        config.stash[_RESUME] = to_github.stop_commands(reporter.write_line)
    if reporter is not None and config.option.durations is None:
        config.pluginmanager.register(to_terminal.Phases(reporter.stats), "runbook-phases")
    progress = to_terminal.progress(config, lambda: collector.count)
    if progress is not None:
        config.stash[_PROGRESS] = progress


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on it may take a while: say what is going on to whoever is watching."""
    if _PROGRESS in session.config.stash and session.items:
        session.config.stash[_PROGRESS].start(len(session.items))


# -- the end of a run -------------------------------------------------------------------------------------------


# The innermost wrapper: after pytest-html has written, before the terminal's summary.
@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Draw conclusions, then write every report."""
    config = session.config
    if _PROGRESS in config.stash:
        config.stash[_PROGRESS].stop()
    if RESULTS not in config.stash:
        return (yield)
    if hasattr(config, "workerinput"):
        config.workeroutput["runbook"] = ending.seen(config)  # type: ignore[attr-defined]
        return (yield)
    results = config.stash[RESULTS]
    if results.findings:
        results.duration_s = round(time.monotonic() - config.stash[_STARTED], 3)
        ending.conclude(session, results, int(exitstatus))
        ending.compare(config, results, config.stash[_BASELINE], config.stash[_PAST])
    outcome: object = None
    with ending.said_where_nothing_can_be_written(session, results):
        outcome = yield
    results.exit_code = int(session.exitstatus)
    with ending.said_where_nothing_can_be_written(session, results):
        _write(results, config)
    return outcome


def _write(results: Results, config: pytest.Config) -> None:
    if results.findings and CONFIGURATION_ERROR not in config.stash:
        ending.write(results, config)
        return
    if results.other_errors:
        ending.describe(config, results)
        to_junit.write(results, Path(config.option.out))
    to_html.discard(config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add up what xdist workers asked and saw."""
    seen = getattr(node, "workeroutput", {}).get("runbook")
    if seen and RESULTS in node.config.stash:
        ending.take(node.config.stash[RESULTS], seen)


# The outermost wrapper: annotations come when everything else, pytest's own sections included, has been printed.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: Any, exitstatus: int, config: pytest.Config
) -> Generator[None, object, object]:
    """Say what was found, roots first; last of all what GitHub should make annotations of."""
    if CONFIGURATION_ERROR in config.stash:
        terminalreporter.write_line(f"ERROR: {inert(config.stash[CONFIGURATION_ERROR], 2000)}", red=True)
    elif RESULTS in config.stash and (config.stash[RESULTS].findings or exitstatus != pytest.ExitCode.USAGE_ERROR):
        to_terminal.summary(terminalreporter, config.stash[RESULTS], config)
    outcome = yield
    if _RESUME in config.stash:
        for line in (config.stash[_RESUME], *to_github.workflow_commands(config.stash[RESULTS], os.environ)):
            terminalreporter.write_line(line)
    return outcome
