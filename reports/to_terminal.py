"""The terminal: one line when green, root causes first when red."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import pytest

from fixtures.selection import RUN
from reports import conclusions
from reports.finding import Finding, Results
from reports.progress import Progress
from reports.text import LONGEST_COMMAND, LONGEST_PROSE, bounded, inert, listed, minute, one_line, plural

_STATUS: dict[str, tuple[str, str, Any]] = {
    "passed": ("passed", ".", ("PASSED", {"green": True})),
    "failed": ("failed", "F", ("FAILED", {"red": True})),
    "advisory": ("advisory", "a", ("ADVISORY", {"yellow": True})),
    "unverified": ("error", "U", ("UNVERIFIED", {"red": True})),
    "not_applicable": ("not applicable", "-", ("NOT APPLICABLE", {"cyan": True})),
}
_VERBOSITY = pytest.StashKey[int]()
_FILES = ("report.html", "results.json", "junit.xml", "summary.md")
_NOTHING_SELECTED = "no check was judged; see -m, -k and --collect-only"
_SHOWN_EVIDENCE = 8
_SHOWN_COMMANDS = 8
_SHOWN_LINES = 12  # of anything that is listed line by line, unless -v
_LONGEST = LONGEST_COMMAND + 100
_IN_REPORT = " in report.html"
_T = TypeVar("_T")


def configure(config: pytest.Config) -> None:
    """Our section takes the place of dots and tracebacks, unless the person asks for these."""
    option = config.option
    if not config.pluginmanager.hasplugin("terminal"):
        return
    config.stash[_VERBOSITY] = option.verbose
    if option.tbstyle == "auto":
        option.tbstyle = "no"
    if option.reportchars == "fE":
        option.reportchars = ""
    if option.verbose <= 0:
        # Below -1 pytest itself prints nothing but what goes wrong.
        option.verbose = -2
        option.disable_warnings = True


def _verbosity(config: pytest.Config) -> int:
    return config.stash.get(_VERBOSITY, 0)


def status(outcome: str, config: pytest.Config) -> tuple[str, str, Any]:
    """pytest's category, letter and word for an outcome; letter and word only with -v."""
    category, letter, word = _STATUS[outcome]
    return (category, letter, word) if _verbosity(config) > 0 else (category, "", "")


class Phases:
    """Lets pytest's reporter forget phases that passed and said nothing: it keeps every report until the end.

    Registered where ``--durations`` does not ask for them.
    """

    def __init__(self, kept: dict[str, list[Any]]) -> None:
        self._kept = kept

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """After the reporter has put it among those without a word."""
        outcome = yield
        phases = self._kept.get("")
        if phases and phases[-1] is report and report.passed and not report.sections:
            phases.pop()
        return outcome


def progress(config: pytest.Config, judged: Callable[[], int]) -> Progress | None:
    """A line that says what is going on, for a terminal on which nothing else is."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return None
    if _verbosity(config) <= 0:
        # No percentages behind dots that are not there.
        reporter._show_progress_info = False
    if not reporter.isatty or _verbosity(config) != 0 or config.option.capture == "no" or os.environ.get("CI"):
        return None

    def state(checks: int) -> str:
        run = config.stash[RUN]
        asked = sum(e.count.requests for e in run)
        gathered = plural(asked, "API request") if asked else "gathering"
        return f"{run.options.mode}: {gathered}, {judged()} of {plural(checks, 'check')} judged"

    return Progress(reporter._tw._file, reporter._tw.fullwidth, state)


def summary(reporter: Any, results: Results, config: pytest.Config) -> None:
    """The section after the run: as much as the verbosity asks for."""
    errors = [r for r in reporter.stats.get("error", []) if not hasattr(r, "finding")]
    _Teller(reporter, _verbosity(config), str(config.option.out)).tell(results, errors)


class _Teller:
    """Writes results to something that has pytest's ``write_line``.

    Args:
        verbosity: as pytest counts it: -1 for ``-q``, 1 for ``-v``.
    """

    def __init__(self, reporter: Any, verbosity: int, out: str) -> None:
        self._reporter = reporter
        self._verbosity = verbosity
        self._out = out
        self._width = _width(reporter)

    def tell(self, results: Results, errors: Iterable[Any] = ()) -> None:
        for error in errors:
            self._error(error)
        if not results.findings:
            stopped = results.exit_code == pytest.ExitCode.INTERRUPTED
            why = "stopped before any check was judged" if stopped else _NOTHING_SELECTED
            self._line(why, yellow=True)
            return
        self._head(results)
        if self._verbosity < 0:
            self._briefly(results)
            return
        found = conclusions.found_roots(results)
        for number, root in enumerate(found, 1):
            self._root(root, number, len(found), results)
        for one in conclusions.unexplained(results, found):
            self._failure(one, "FAILED", results)
        self._blind(results)
        self._impossible(results)
        self._advisories(results)
        if conclusions.exit_code(results) or self._verbosity > 0:
            self._line(f"\n{self._where(results)}", light=True)

    # -- parts --------------------------------------------------------------------------------------------------

    def _error(self, report: Any) -> None:
        """What went wrong outside of any check, e.g. a check file that cannot be imported."""
        self._line(f"ERROR: {inert(report.nodeid)}", red=True, bold=True)
        for line in bounded(tuple(str(report.longrepr).splitlines()), 40):
            self._line(f"  {inert(line)}")

    def _head(self, results: Results) -> None:
        red = conclusions.exit_code(results) != 0
        changed = conclusions.changes(results)
        parts = [changed, conclusions.verdict(results)] if changed else [conclusions.verdict(results)]
        line = f"{conclusions.mode(results)}: {'; '.join(parts)}"
        if not red and self._verbosity <= 0:
            line += f" ({self._where(results)})"
        self._line(line, bold=True, **({"red": True} if red else {"green": True}))
        if len(results.targets) > 1:
            for target in results.targets:
                part = results.about(target)
                colour = {"red": True} if conclusions.exit_code(part) else {"green": True}
                self._line(f"  {target}: {conclusions.verdict(part)}", **colour)
        fixed = conclusions.fixed(results)
        if fixed:
            named = listed((f.label for f in fixed), 100 if self._verbosity > 0 else 6)
            self._prose(f"fixed: {named}", indent=0, green=True)
        for note in results.notes:
            self._prose(f"note: {one_line(note, 1000)}", indent=0, yellow=True)

    def _where(self, results: Results) -> str:
        asked = conclusions.asked(results)
        return f"{asked} in {results.duration_s:.0f} s; {self._out}/{', '.join(_FILES)}"

    def _briefly(self, results: Results) -> None:
        for root in conclusions.found_roots(results):
            also = f" (on {root.where})" if len(root.findings) > 1 else ""
            self._line(f"[{root.first.severity}] {inert(root.first.summary, 1000)}{inert(also)}", red=True)
        for blind in conclusions.blind_spots(results):
            blinded = plural(len(blind.findings), "check")
            self._line(f"[unverified: {blinded}] {inert(blind.reason, 1000)}", yellow=True)

    def _root(self, root: conclusions.Root, number: int, of: int, results: Results) -> None:
        title = f"ROOT CAUSE {number} of {of}" if of > 1 else "ROOT CAUSE"
        self._failure(root.first, title, results, root)
        for one in conclusions.fold(root.unsure):
            self._prose(f"probably; could not verify {one.label}: {one.summary}", yellow=True)
        for one in conclusions.fold(root.milder):
            self._prose(f"possibly because of {one.label} (advisory): {one.summary}", yellow=True)
        if not root.consequences:
            return
        self._prose(f"explains: {conclusions.told(root)}", bold=True)
        for folded in self._some(conclusions.fold(root.consequences)):
            self._prose(f"{folded.label}: {folded.summary}", indent=4)

    def _failure(self, finding: Finding, title: str, results: Results, root: conclusions.Root | None = None) -> None:
        several = root is not None and len(root.findings) > 1
        facts = [
            finding.severity.upper(),
            finding.scenario,
            finding.target if len(results.targets) > 1 else "",
            finding.change or "",
            f"since {minute(finding.since)}" if finding.since else "",
            "comes and goes" if finding.flapping else "",
            f"on {one_line(root.where, 300)}" if root is not None and several else "",
        ]
        self._line(f"\n{title} · {' · '.join(f for f in facts if f)}", red=True, bold=True)
        self._prose(finding.title, bold=True, indent=0)
        for said in self._some(list(root.summaries) if root else [finding.summary]):
            self._prose(said, red=True)
        if finding.likely_cause:
            self._prose(f"likely cause: {finding.likely_cause}", bold=True)
        shown = finding.evidence if self._verbosity > 0 else bounded(finding.evidence, _SHOWN_EVIDENCE, _IN_REPORT)
        for line in shown:
            self._line(f"    | {inert(line)}")
        if finding.resolution:
            self._prose(f"resolution: {finding.resolution}", green=True)
        commands = root.commands if root is not None else finding.commands
        for command in commands if self._verbosity > 0 else commands[:_SHOWN_COMMANDS]:
            self._line(f"    $ {inert(command, LONGEST_COMMAND)}")
        if len(commands) > _SHOWN_COMMANDS and self._verbosity <= 0:
            self._line(f"    … {plural(len(commands) - _SHOWN_COMMANDS, 'more command')}{_IN_REPORT}")
        if finding.console_url:
            self._line(f"    {inert(finding.console_url, 1000)}", light=True)

    def _blind(self, results: Results) -> None:
        spots = conclusions.blind_spots(results)
        if not spots:
            return
        checks = plural(len(results.of("unverified")), "check")
        self._line(f"\nUNVERIFIED · {checks} could not look", yellow=True, bold=True)
        for blind in self._some(spots):
            self._prose(blind.reason, yellow=True)
            labels = (f.label for f in conclusions.fold(blind.findings))
            self._prose(f"blinds {listed(labels, 100 if self._verbosity > 0 else 4)}", indent=4)
            for line in bounded(blind.findings[0].evidence, _SHOWN_EVIDENCE, _IN_REPORT):
                self._line(f"    | {inert(line)}")

    def _impossible(self, results: Results) -> None:
        """Whoever has to diagnose now should not find out by trying."""
        steps = conclusions.impossible_steps(results)
        if steps and (conclusions.exit_code(results) or self._verbosity > 0):
            self._line("")
            self._prose(f"Steps of the guide that would fail when needed: {'; '.join(steps)}", indent=0, yellow=True)

    def _advisories(self, results: Results) -> None:
        chosen = results.of("advisory")
        exempt = [f for f in chosen if f.exempt_until]
        shown = (chosen if self._verbosity > 0 else exempt) + conclusions.not_looked_at(results)
        if shown:
            self._line("\nADVISORY" if self._verbosity > 0 else "\nEXEMPT", yellow=True, bold=True)
        for folded in conclusions.fold(shown):
            first = folded.findings[0]
            until = f" [exempt until {first.exempt_until}: {first.exempt_reason}]" if first.exempt_until else ""
            self._prose(f"{first.severity}: {folded.label}: {folded.summary}{until}")
        hidden = 0 if self._verbosity > 0 else len(chosen) - len(exempt)
        if hidden and conclusions.exit_code(results):
            self._line(f"\n{plural(hidden, 'advisory', 'advisories')} more: -v lists them", light=True)

    # -- lines --------------------------------------------------------------------------------------------------

    def _some(self, lines: Sequence[_T]) -> Iterator[_T]:
        """All with -v, else the first; then how many are left out."""
        shown = lines if self._verbosity > 0 else lines[:_SHOWN_LINES]
        yield from shown
        if len(lines) > len(shown):
            self._line(f"    … {len(lines) - len(shown)} more: -v shows them", light=True)

    def _prose(self, text: str, indent: int = 2, **markup: bool) -> None:
        """Words, wrapped where there is a width to wrap to; commands and evidence never are."""
        line = f"{' ' * indent}{one_line(text, LONGEST_PROSE)}"
        if not self._width:
            self._line(line, **markup)
            return
        deeper = " " * (indent + 2)
        for part in textwrap.wrap(line, self._width, subsequent_indent=deeper, break_long_words=False) or [""]:
            self._line(part, **markup)

    def _line(self, text: str, **markup: bool) -> None:
        # The last door: whatever a finding holds, one line goes out, and a terminal obeys nothing of it.
        above = "\n" if text.startswith("\n") else ""
        self._reporter.write_line(f"{above}{inert(text.removeprefix(above), _LONGEST)}", **markup)


def _width(reporter: Any) -> int:
    """Columns to wrap prose to; 0 where lines go to a file, in which they are searched for."""
    watched = bool(getattr(reporter, "isatty", False)) or "COLUMNS" in os.environ
    return min(140, max(60, shutil.get_terminal_size().columns)) if watched else 0


class PlainReporter:
    """Stands in for pytest's reporter where there is none: prints, without colours."""

    isatty = False
    stats: dict[str, list[Any]] = {}  # noqa: RUF012  (pytest's own form)

    def write_line(self, text: str, **markup: bool) -> None:
        """One line."""
        print(text)


def tell(results: Results, verbosity: int, out: str) -> None:
    """Say what was found, without a pytest run, e.g. of merged results."""
    _Teller(PlainReporter(), verbosity, out).tell(results)
