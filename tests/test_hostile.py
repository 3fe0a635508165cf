"""A world written by somebody hostile, judged as in a GitHub job: every output stays well-formed, inert and bounded."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from fixtures.sandbox.faults.hostile import MARK
from fixtures.sandbox.server import Host
from fixtures.selection import RUN
from reports import to_json
from tests.harness import Judged, run_checks
from tests.reports.test_to_markdown import obeyed
from tests.test_fuzz import LINE

pytestmark = pytest.mark.timeout(120)
# What a terminal or an editor would obey; tabs and line ends are the formats' own.
_OBEYED = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class _Facts:
    """Keeps what was gathered."""

    found: dict[str, Any]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.found = {n: f for e in session.config.stash[RUN] for n, f in e.outcomes().items()}


FACTS = _Facts()


@pytest.fixture(scope="module")
def told(host: Host, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Judged]:
    out = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patched, host.fork(["hostile-text"]) as world:
        patched.setenv("GITHUB_ACTIONS", "true")
        patched.setenv("GITHUB_STEP_SUMMARY", str(out / "step-summary"))
        patched.setenv("GITHUB_OUTPUT", str(out / "step-output"))
        options = ("--out", str(out), "--history", str(out / "history.jsonl"), "-v", "-rA", "--tb=long")
        judged = run_checks(world, *options, plugins=[FACTS])
    return out, judged


def test_it_is_judged_all_the_same(told: tuple[Path, Judged]) -> None:
    """Nothing that somebody wrote keeps a check from judging, or makes one go wrong."""
    _, judged = told
    assert judged.exit_code == 1
    assert {
        "check_no_tasks_stop",
        "check_no_stack_traces",
        "check_last_build_succeeded",
        "check_database_admits_tasks",
    } <= judged.checks("failed")
    assert [f.summary for f in judged.results.findings if f.unavailable_cause == "defect"] == []
    # It did arrive where people read.
    assert sum(MARK in json.dumps(f.as_dict()) for f in judged.results.findings) >= 5


def _texts(value: Any) -> Iterator[str]:
    """All that is text in a fact."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, msgspec.Struct):
        yield from _texts([getattr(value, f) for f in value.__struct_fields__])
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, Iterable):
        for one in value:
            yield from _texts(one)


def test_no_fact_holds_a_text_without_end(told: tuple[Path, Judged]) -> None:
    """What parsers and reports get is bounded where it comes in."""
    longest = {name: max(map(len, _texts(found)), default=0) for name, found in FACTS.found.items()}

    assert len(longest) > 50
    assert {name: length for name, length in longest.items() if length > LINE} == {}


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("results.json", 600_000),
        ("report.html", 1_000_000),
        ("junit.xml", 400_000),
        ("summary.md", 100_000),
        ("step-summary", 100_000),
        ("step-output", 2_000),
        ("results.sarif", 50_000),
        ("history.jsonl", 20_000),
    ],
)
def test_every_file_is_bounded_and_nothing_in_it_is_obeyed(name: str, most: int, told: tuple[Path, Judged]) -> None:
    text = (told[0] / name).read_text(encoding="utf-8")
    assert 0 < len(text) < most
    if name != "report.html":  # pytest-html's own script has some
        assert not _OBEYED.search(text)


def test_results_keep_to_the_schema(told: tuple[Path, Judged]) -> None:
    document = json.loads((told[0] / "results.json").read_text())
    jsonschema.Draft202012Validator(json.loads(to_json.SCHEMA.read_text())).validate(document)
    assert to_json.read(told[0] / "results.json").findings == told[1].results.findings


def test_junit_is_xml_of_all_checks(told: tuple[Path, Judged]) -> None:
    root = ET.parse(told[0] / "junit.xml").getroot()
    assert len(root.findall(".//testcase")) == len(told[1].results.findings)
    assert {e.tag for e in root.iter()} <= {"testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"}  # fmt: skip


class _Tags(HTMLParser):
    found: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        dangerous = tag in ("script", "img", "iframe", "object", "embed", "form", "base") or any(
            n.startswith("on") for n, _ in attrs
        )
        address = "".join(v or "" for n, v in attrs if n in ("href", "src", "action"))
        if dangerous or (address and not address.startswith(("#", "https://"))) or "evil" in address:
            self.found.append(self.get_starttag_text() or tag)


def test_the_page_has_no_element_that_is_not_ours(told: tuple[Path, Judged]) -> None:
    page = (told[0] / "report.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.found = []
    tags.feed(page[page.index('id="cards"') : page.index('<h2 id="all">')])
    # The table's cells are HTML inside JSON inside an attribute.
    for row in (r for rows in json.loads(_blob(page))["tests"].values() for r in rows):
        tags.feed("".join(row["resultsTableRow"]) + str(row["log"]))
    assert tags.found == []


def _blob(page: str) -> str:
    found = re.search(r'data-jsonblob="([^"]*)"', page)
    assert found
    return unescape(found[1])


def test_the_summary_is_only_text(told: tuple[Path, Judged]) -> None:
    assert obeyed((told[0] / "step-summary").read_text(encoding="utf-8")) == []


def test_no_output_was_added_for_later_steps(told: tuple[Path, Judged]) -> None:
    lines = (told[0] / "step-output").read_text().splitlines()
    assert lines[0] == "verdict=failed"
    assert {line.split("=")[0] for line in lines} == {
        "verdict", "said", "failed", "unverified", "advisory", "passed", "not-applicable", "root-causes", "results", "report", "sarif",
    }  # fmt: skip


def test_the_log_of_the_job_holds_no_command_but_ours(told: tuple[Path, Judged]) -> None:
    """As the runner reads it: `::command` at the start of a line, `##[command]` anywhere, none while stopped."""
    lines = told[1].output.splitlines()
    stopped, commands = "", []
    for line in lines:
        if stopped and line == f"::{stopped}::":
            stopped = ""
        elif not stopped and line.startswith("::stop-commands::"):
            stopped = line.rpartition("::")[2]
        elif not stopped and (line.lstrip().startswith("::") or "##[" in line):
            commands.append(line)
    assert stopped == ""
    assert 0 < len(commands) <= 20
    assert all(re.match(r"::(error|warning) title=[^:]*::", c) for c in commands)
    # They were there, and would have been obeyed.
    assert any("##[set-output" in line for line in lines)
    assert not _OBEYED.search(told[1].output)
    assert len(told[1].output) < 1_000_000
