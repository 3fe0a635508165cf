"""What a GitHub job gets: a summary, outputs and annotations that say what they should and can do nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import to_github
from reports.finding import Finding
from tests.reports.build import HOSTILE, finding, many, results

WORKSPACE = {"GITHUB_WORKSPACE": "/w"}
_COMMAND = re.compile(r"^::(error|warning) ([^:]*)::(.*)$")


def _parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A line as the runner's ActionCommand.TryParseV2 reads it."""
    found = _COMMAND.match(line)
    assert found, line
    told = dict(p.split("=", 1) for p in found[2].split(",")) if found[2] else {}
    undo = (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
    for escaped, plain in undo:
        told = {k: v.replace(escaped, plain) for k, v in told.items()}
    said = found[3]
    for escaped, plain in undo[2:]:
        said = said.replace(escaped, plain)
    return found[1], told, said


def test_an_annotation_points_at_the_line_and_says_what_is_wrong() -> None:
    one = finding(
        title="The plan is clean: 100%, always.",
        locations=("/w/terraform/main.tf:12", "other.tf:1"),
        summary="sg: 50% off, see a:b",
    )
    (line,) = to_github.workflow_commands(results(one), WORKSPACE)
    assert _parsed(line) == (
        "error",
        {"title": "The plan is clean: 100%, always.", "file": "terraform/main.tf", "line": "12"},
        "sg: 50% off, see a:b",
    )


@given(st.text(st.characters(exclude_categories=()), max_size=120) | st.sampled_from(HOSTILE))
def test_an_annotation_is_one_command_whatever_it_says(text: str) -> None:
    one = finding(title=text, summary=text, locations=(f"{text[:100]}:3",))
    two = finding("check_y", outcome="unverified", summary=text)
    lines = to_github.workflow_commands(results(one, two), WORKSPACE)
    assert [_parsed(line)[0] for line in lines] == ["error", "warning"]
    assert set(_parsed(lines[0])[1]) == {"title", "file", "line"}
    assert all(len(line.splitlines()) == 1 and len(line) < 16_000 for line in lines)


def test_roots_come_first_and_no_more_than_github_shows() -> None:
    found = [finding(f"check_{n}", declared_causes=("check_root",)) for n in range(15)] + [
        finding("check_root", severity="medium")
    ]
    lines = to_github.workflow_commands(results(*found), {})
    assert len(lines) == 10
    assert "check_root" in lines[0]


def test_what_could_not_be_seen_warns_once_for_each_reason() -> None:
    lines = to_github.workflow_commands(
        results(finding("check_a", outcome="unverified"), finding("check_b", outcome="unverified")), {}
    )
    assert lines == ["::warning title=could not look::denied: ecs:DescribeServices (blinds check_a, check_b)"]


def test_advisories_are_told_only_where_a_file_can_be_shown() -> None:
    found = [
        finding("check_a", outcome="advisory"),
        finding("check_b", outcome="advisory", locations=("Dockerfile:3",)),
    ]
    (line,) = to_github.workflow_commands(results(*found), {})
    assert _parsed(line)[1] == {"title": "check_b holds.", "file": "Dockerfile", "line": "3"}


# -- outputs ----------------------------------------------------------------------------------------------------


def _outputs(*found: Finding, out: str = "out") -> dict[str, str]:
    """As the runner reads the file: a name up to the first = or <<."""
    lines = to_github.outputs(results(*found), Path(out)).splitlines()
    assert all("=" in line and "<<" not in line.split("=")[0] for line in lines)
    return dict(line.split("=", 1) for line in lines)


def test_outputs_for_later_steps() -> None:
    said = _outputs(
        finding("check_a", declared_causes=("check_b",)),
        finding("check_b"),
        finding("check_c", outcome="passed"),
        finding("check_d", outcome="not_applicable"),
    )
    assert said == {
        "verdict": "failed", "said": "2 of 3 checks failed, 1 root cause, 1 not applicable",
        "failed": "2", "unverified": "0", "advisory": "0", "passed": "1", "not-applicable": "1", "root-causes": "1",
        "results": "out/results.json", "report": "out/report.html", "sarif": "out/results.sarif",
    }  # fmt: skip
    assert _outputs(finding(outcome="passed"))["verdict"] == "passed"
    assert _outputs(finding(outcome="unverified"))["verdict"] == "failed"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_adds_an_output(text: str) -> None:
    hostile = finding(target=text[:1000], id=text[:1000], summary=text, title=text)
    assert set(_outputs(hostile, out=text[:1000])) == set(_outputs(finding()))


# -- files ------------------------------------------------------------------------------------------------------


def test_a_job_gets_its_summary_and_outputs_besides_what_is_there(tmp_path: Path) -> None:
    summary, output = tmp_path / "summary", tmp_path / "output"
    summary.write_text("before\n")
    to_github.write(results(finding()), tmp_path, {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output)})
    assert summary.read_text() == "before\n" + (tmp_path / "summary.md").read_text()
    assert output.read_text().startswith("verdict=failed\n")


def test_a_summary_leaves_room_for_what_the_step_has_said_already(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    summary.write_text("x" * 700_000)
    run = results(*many(400, resolution="r" * 4000))
    to_github.write(run, tmp_path, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.stat().st_size <= 1024 * 1024
    assert "more sections do not fit" in summary.read_text()


def test_without_a_job_only_the_file_is_written(tmp_path: Path) -> None:
    to_github.write(results(finding()), tmp_path, {})
    assert [p.name for p in tmp_path.iterdir()] == ["summary.md"]


def test_files_that_cannot_be_written_are_a_note_and_no_failure(tmp_path: Path) -> None:
    run = results(finding())
    to_github.write(run, tmp_path, {"GITHUB_OUTPUT": str(tmp_path / "no" / "such")})
    assert run.notes == [f"cannot write {tmp_path}/no/such for GitHub: No such file or directory"]


def test_commands_are_stopped_with_a_word_that_nobody_can_guess() -> None:
    said: list[str] = []
    first, second = to_github.stop_commands(said.append), to_github.stop_commands(said.append)
    assert first != second
    assert said[0] == f"::stop-commands::{first.strip(':')}"
    assert len(first) == 36
