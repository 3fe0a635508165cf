"""From pytest's hooks to files: what goes wrong besides the checks is told, too, and nothing is kept that nobody reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import reports.plugin
from fixtures.sandbox.server import Host
from reports.finding import Results
from tests.harness import Judged
from tests.reports.pages import own_check


def _judged(host: Host, place: Path, *options: str, **check: Any) -> Judged:
    with host.fork() as world:
        return own_check(world, place, *options, **check)


def _suite(file: Path) -> tuple[dict[str, str | None], list[tuple[str | None, str, str | None]]]:
    """Counts of a junit.xml, and name, element and message of what went wrong."""
    suite = ET.parse(file).getroot().find("testsuite")
    assert suite is not None
    wrong = [(c.get("name"), e.tag, e.get("message")) for c in suite.findall("testcase") for e in c if e.get("message")]
    return {n: suite.get(n) for n in ("tests", "failures", "errors", "skipped")}, wrong


def test_a_test_that_fails_beside_the_checks_is_told(host: Host, tmp_path: Path) -> None:
    judged = _judged(host, tmp_path, more="def test_mine():\n    assert 1 == 2\n")
    assert judged.exit_code == 1
    counts, wrong = _suite(tmp_path / "out" / "junit.xml")
    assert counts == {"tests": "2", "failures": "0", "errors": "1", "skipped": "0"}
    assert wrong == [("test_mine", "error", "failed on call")]


def test_a_teardown_that_fails_after_a_failed_check_is_told_beside_it(host: Host, tmp_path: Path) -> None:
    more = "@pytest.fixture\ndef torn():\n    yield\n    raise ValueError('torn')\n"
    judged = _judged(host, tmp_path, asks="torn", holds="False", more=more)
    assert [f.outcome for f in judged.results.findings] == ["failed"]
    counts, wrong = _suite(tmp_path / "out" / "junit.xml")
    assert counts == {"tests": "2", "failures": "1", "errors": "1", "skipped": "0"}
    assert [tag for _, tag, _ in wrong] == ["error", "failure"]
    assert "ValueError: torn" in str(wrong[0][2])


class _Breaks:
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        raise ValueError("a plugin of somebody's")


def test_an_internal_error_is_told(host: Host, tmp_path: Path) -> None:
    judged = _judged(host, tmp_path, plugins=(_Breaks(),))
    assert judged.exit_code == pytest.ExitCode.INTERNAL_ERROR
    counts, wrong = _suite(tmp_path / "out" / "junit.xml")
    assert (counts["tests"], counts["errors"]) == ("2", "1")
    assert wrong == [("internal", "error", "internal error")]
    assert "a plugin of somebody's" in (tmp_path / "out" / "junit.xml").read_text()


def test_a_file_that_cannot_be_read_is_told_by_its_last_lines(host: Host, tmp_path: Path) -> None:
    deep = "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(200)\n"
    judged = _judged(host, tmp_path, more=deep)
    assert judged.exit_code == pytest.ExitCode.INTERRUPTED
    counts, wrong = _suite(tmp_path / "out" / "junit.xml")
    assert (counts["tests"], counts["errors"]) == ("1", "1")
    assert [(tag, message) for _, tag, message in wrong] == [("error", "collection failure")]
    text = (tmp_path / "out" / "junit.xml").read_text()
    assert "ZeroDivisionError" in text
    assert 'name="mode" value="sandbox"' in text


def test_pytests_own_junit_has_the_properties_where_somebody_wants_it(host: Host, tmp_path: Path) -> None:
    _judged(host, tmp_path, "--junit-xml", str(tmp_path / "own.xml"), holds="False")
    for file in (tmp_path / "own.xml", tmp_path / "out" / "junit.xml"):
        counts, wrong = _suite(file)
        assert counts == {"tests": "1", "failures": "1", "errors": "0", "skipped": "0"}
        assert wrong == [("check_mine", "failure", "not so")]
        properties = {p.get("name"): p.get("value") for p in ET.parse(file).getroot().iterfind(".//testcase//property")}
        assert (properties["outcome"], properties["severity"]) == ("failed", "high")


@pytest.mark.parametrize("plugin", ["no:html", "no:junitxml", "no:terminal"])
def test_pytests_own_plugins_can_be_done_without(host: Host, tmp_path: Path, plugin: str) -> None:
    judged = _judged(host, tmp_path, "-p", plugin)
    assert judged.exit_code == 0
    written = {f.name for f in (tmp_path / "out").iterdir()}
    assert {"results.json", "junit.xml", "summary.md"} <= written
    assert ("report.html" in written) == (plugin != "no:html")


class _Keepers:
    """Looks at what pytest's reporter and pytest-html keep when a run is over."""

    def __init__(self) -> None:
        self.phases: list[Any] = []
        self.reports: dict[str, Any] = {"not": "looked"}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        manager = session.config.pluginmanager
        self.phases = list(manager.get_plugin("terminalreporter").stats.get("", []))  # type: ignore[union-attr]
        html = [p for p in manager.get_plugins() if type(p).__module__.startswith("pytest_html.")]
        (self.reports,) = [vars(p)["_reports"] for p in html if "_reports" in vars(p)]


@pytest.mark.parametrize(("options", "phases"), [((), 0), (("--durations", "3"), 2)])
def test_reports_that_nobody_reads_are_not_kept(
    host: Host, tmp_path: Path, options: tuple[str, ...], phases: int
) -> None:
    kept = _Keepers()
    judged = _judged(host, tmp_path, *options, plugins=(kept,))
    assert judged.exit_code == 0
    assert len(kept.phases) == phases
    assert not kept.reports
    assert "check_mine" in (tmp_path / "out" / "report.html").read_text()


def test_an_error_that_is_cut_shows_no_half_of_a_secret() -> None:
    results = Results()
    text = f"password={'S3cret' * 2000}\n" + "and so on\n" * 1500
    assert "S3cret" in text[-reports.plugin._LONGEST_ERROR :]
    reports.plugin.Collector(results)._other_error("checks/check_mine.py", "collection failure", text)
    ((_, _, said),) = results.other_errors
    assert "and so on" in said
    assert "S3cret" not in said
