"""Joining the results of several runs: nothing is hidden, nothing is counted twice, wrong files are named."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports import ending, merge, to_json
from reports.finding import Results, Series, Timeline
from tests.harness import ROOT
from tests.reports.build import finding, results


def _file(path: Path, run: Results) -> Path:
    path.mkdir(parents=True)
    return to_json.write(run, path)


def test_parts_of_one_selection_are_that_selection() -> None:
    parts = [results(selection=f"-m smoke --shard {n}/2") for n in (1, 2)]
    assert merge.merge(parts).selection == "-m smoke"
    assert merge.merge([*parts, results(selection="-m drift")]).selection == ""


def test_targets_are_joined_and_each_keeps_its_verdict() -> None:
    dev, prod = results(finding(outcome="passed")), results(finding(target="prod"), duration_s=9.0)
    joined = merge.merge([dev, prod])
    assert joined.targets == ("dev", "prod")
    assert [f.label for f in joined.findings] == ["check_x[dev]", "check_x[prod]"]
    assert joined.roots == ("checks/check_ecs.py::check_x[prod]",)
    assert joined.exit_code == 1
    assert joined.duration_s == 9.0
    assert joined.api["requests"] == 24
    assert joined.api["by_operation"] == {"ecs:DescribeServices": 24}


def test_ids_are_those_of_one_run_over_all_targets() -> None:
    joined = merge.merge(
        [results(finding("check_a", "product")), results(finding("check_a", "product", target="prod"))]
    )
    assert [f.label for f in joined.findings] == ["check_a[dev-product]", "check_a[prod-product]"]
    # Merging what was merged changes no name.
    again = merge.merge([joined, results(finding("check_b", target="stage"))])
    assert [f.label for f in again.findings] == ["check_a[dev-product]", "check_a[prod-product]", "check_b[stage]"]


def test_parts_of_one_target_are_put_together_and_causes_found_across_them() -> None:
    effect, cause = finding("check_a", declared_causes=("check_b",)), finding("check_b")
    joined = merge.merge([results(effect), results(cause)])
    assert joined.targets == ("dev",)
    assert joined.roots == (cause.id,)
    assert joined.findings[0].caused_by == (cause.id,)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ("passed", "failed", "failed"),
        ("failed", "passed", "failed"),
        ("passed", "unverified", "unverified"),
        ("advisory", "unverified", "unverified"),
        ("not_applicable", "passed", "passed"),
    ],
)
def test_of_one_check_judged_twice_the_gravest_counts(one: str, other: str, kept: str) -> None:
    joined = merge.merge([results(finding(outcome=one)), results(finding(outcome=other))])
    assert [f.outcome for f in joined.findings] == [kept]


def test_what_all_parts_drew_is_drawn_once() -> None:
    at = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
    curve = Series(title="p95", unit="s", points=((at, 1.0), (at + dt.timedelta(hours=1), 2.0)), target="dev")
    lives = Timeline(title="tasks", start=at, end=at, lanes=("web",), spans=(), target="dev")
    part = results(finding(outcome="passed"), series=[curve], timelines=[lives])

    joined = merge.merge([part, part])

    assert (joined.series, joined.timelines) == ([curve], [lives])


def test_all_green_is_green() -> None:
    joined = merge.merge([results(finding(outcome="passed")), results(finding(target="prod", outcome="advisory"))])
    assert joined.exit_code == 0


def test_a_run_that_ended_badly_is_not_forgotten() -> None:
    assert merge.merge([results(finding(outcome="passed"), exit_code=3)]).exit_code == 1
    stopped = merge.merge(
        [results(finding(outcome="passed"), not_judged=4), results(finding(target="prod", outcome="passed"))]
    )
    assert (stopped.not_judged, stopped.exit_code) == (4, 1)


# -- the command ------------------------------------------------------------------------------------------------


def _merge(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_") and k != "COLUMNS"}
    command = [sys.executable, "-m", "reports", "merge", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=60)


def test_one_report_out_of_a_matrix(tmp_path: Path) -> None:
    at = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
    curve = Series(title="p95", unit="s", points=((at, 1.0), (at + dt.timedelta(hours=1), 2.0)), target="dev")
    dev = _file(tmp_path / "dev", results(finding(outcome="passed"), series=[curve])).parent
    prod = _file(tmp_path / "prod", results(finding(target="prod", locations=("main.tf:3",))))
    out, step = tmp_path / "out", tmp_path / "summary"
    done = _merge(dev, prod, "-o", out, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(step), COLUMNS="90")
    assert (done.returncode, done.stderr) == (1, "")
    assert sorted(p.name for p in out.iterdir()) == sorted(ending.FILES)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert lines[1] == "LIVE dev and prod (123456789012 us-east-1): 1 of 2 checks failed, 1 root cause"
    assert lines[2:4] == ["  dev: all 1 check passed", "  prod: 1 of 1 check failed, 1 root cause"]
    assert lines[-2] == f"::{lines[0].rpartition('::')[2]}::"
    assert lines[-1].startswith("::error title=check_x holds.,file=main.tf,line=3::")
    page = (out / "report.html").read_text()
    assert 'class="plot"' in page
    assert "check_x[prod]" in page
    assert "| prod | 1 of 1 check failed" in step.read_text()
    assert to_json.read(out / "results.json").findings == merge.merge(*merge.read([dev, prod])).findings


def test_a_file_that_cannot_be_read_is_said_and_the_rest_is_told(tmp_path: Path) -> None:
    dev = _file(tmp_path / "dev", results(finding(outcome="passed")))
    broken = tmp_path / "broken.json"
    broken.write_text('{"schema": 1, "checks": [')
    done = _merge(dev, broken, tmp_path / "none.json", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert f"note: {broken} is not JSON: what it should tell of is unknown" in done.stdout
    assert f"note: {tmp_path}/none.json: No such file or directory: what it should tell of is unknown" in done.stdout
    assert json.loads((tmp_path / "out" / "results.json").read_text())["exit_code"] == 1


@pytest.mark.parametrize("quiet", ["-q", "-v"])
def test_as_much_as_is_asked_for(quiet: str, tmp_path: Path) -> None:
    dev = _file(tmp_path / "dev", results(finding()))
    assert ("resolution:" in _merge(dev, "-o", tmp_path / "out", quiet).stdout) is (quiet == "-v")


def test_sandbox_and_live_are_not_joined(tmp_path: Path) -> None:
    dev = _file(tmp_path / "dev", results(finding(), mode="sandbox"))
    prod = _file(tmp_path / "prod", results(finding(target="prod")))
    done = _merge(dev, prod, "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "ERROR: results of the sandbox and of live AWS are not joined: name either\n"
    assert not (tmp_path / "out").exists()


def test_nothing_to_join_is_one_line(tmp_path: Path) -> None:
    done = _merge(tmp_path / "none.json", "-o", tmp_path / "out")
    assert done.returncode == 4
    assert done.stderr.splitlines() == [
        f"ERROR: {tmp_path}/none.json: No such file or directory: what it should tell of is unknown"
    ]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    dev = _file(tmp_path / "dev", results(finding()))
    (tmp_path / "file").touch()
    done = _merge(dev, "-o", tmp_path / "file" / "out")
    assert done.returncode == 4
    assert done.stderr.startswith(f"ERROR: cannot write to {tmp_path}/file/out: ")
    assert len(done.stderr.splitlines()) == 1
