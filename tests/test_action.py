"""The action as another repository's job meets it: its steps run, its outputs and files, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.github_runner import ROOT, Job, Runner

# One scenario's checks are enough to see what becomes of them.
SMALL = {"sandbox": "true", "target": "ecommerce-dev", "selection": "database", "args": "-k 'admits_tasks or in_logs'"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def job(home: Path, inputs: dict[str, str], **environment: str) -> Job:
    return Runner(home, inputs, environment).run()


def test_green_with_a_target_file_of_the_workspace_whatever_the_job_sets_for_its_own_tests(home: Path) -> None:
    (home / "workspace" / "ops").mkdir(parents=True)
    shutil.copy(ROOT / "targets" / "ecommerce-dev.toml", home / "workspace" / "ops" / "shop.toml")
    (home / "workspace" / "reports.py").write_text("raise SystemExit('the caller has a module of this name')")
    environment = {"PYTEST_ADDOPTS": "--collect-only", "PYTHONPATH": str(home / "workspace")}
    done = job(home, SMALL | {"target": "ops/shop.toml"}, **environment)
    assert done.green, done.log
    assert done.outputs["verdict"] == "passed"
    assert (done.outputs["failed"], done.outputs["unverified"], done.outputs["root-causes"]) == ("0", "0", "0")
    assert done.outputs["said"] == "all 4 checks passed, 2 not applicable"
    assert "SANDBOX" in done.summary
    (upload,) = done.uploads
    assert upload["name"] == "runbook-report"
    assert upload["path"] == done.outputs["reports"] == str(home / "temp" / "runbook-report")
    results = json.loads((Path(upload["path"]) / "results.json").read_text())
    assert results["mode"] == "sandbox"
    assert results["targets"] == ["shop"]
    installs = done.installed.splitlines()
    assert len(installs) == 2
    assert f"--require-hashes -r {ROOT}/.//requirements.lock" in installs[0]


def test_red_with_a_fault(home: Path) -> None:
    done = job(home, SMALL | {"args": SMALL["args"] + " --fault database-rule-removed", "out": "my reports"})
    assert done.exit_codes == {"Install": 0, "gate": 1}, done.log
    assert done.outputs["verdict"] == "failed"
    assert (done.outputs["failed"], done.outputs["root-causes"]) == ("4", "1")
    assert "1 root cause" in done.summary
    # Nothing that AWS says is taken for a command; the annotations come after that was undone, roots first.
    lines = done.log.splitlines()
    (stop,) = [line for line in lines if line.startswith("::stop-commands::")]
    annotations = [line for line in lines if line.startswith("::error ")]
    assert lines.index(f"::{stop.rpartition('::')[2]}::") < lines.index(annotations[0])
    assert len(annotations) == 4
    assert "admit" in annotations[0]
    assert done.uploads[0]["path"] == str(home / "workspace" / "my reports")
    assert (home / "workspace" / "my reports" / "report.html").stat().st_size > 10_000


def test_without_credentials_it_is_red_and_never_a_simulation(home: Path) -> None:
    done = job(home, {"target": "ecommerce-dev"})
    assert done.exit_codes["gate"] == 4, done.log
    assert "credentials" in done.log
    assert "SANDBOX" not in done.log
    assert done.outputs["verdict"] == "failed"
    assert done.outputs["failed"] == ""


def test_what_judges_nothing_is_no_pass(home: Path) -> None:
    reports = home / "temp" / "runbook-report"
    reports.mkdir(parents=True)
    (reports / "results.json").write_text('{"left": "by an earlier gate of this job"}')
    done = job(home, SMALL | {"args": "--collect-only"})
    assert done.exit_codes["gate"] == 0, done.log
    assert done.exit_codes["No silent pass"] == 1
    assert done.outputs["verdict"] == "failed"


HOSTILE = ["; touch pwned", "$(touch pwned)", "--sandbox", "a\n::warning::b", "../../../etc/passwd", ""]


@pytest.mark.parametrize(
    "name, value",
    [("target", v) for v in HOSTILE]
    + [("selection", "--sandbox"), ("source", HOSTILE[3]), ("baseline", HOSTILE[1])]
    + [("wait", v) for v in (HOSTILE[0], "-1", "1e9")]
    + [("fail-on", v) for v in (HOSTILE[1], "none")]
    + [("sandbox", v) for v in (HOSTILE[0], "yes")]
    + [("args", v) for v in (HOSTILE[0], "-k 'open", "--sandbox", "@options")],
)
def test_hostile_input_ends_in_one_line_and_does_nothing(home: Path, name: str, value: str) -> None:
    given = {"target": "ecommerce-dev", "selection": "smoke"} | {name: value}
    done = job(home, given)
    assert done.exit_codes["gate"] == 4, done.log
    said = [line for line in done.log.splitlines() if line.startswith("ERROR: ")]
    assert len(said) == 1, done.log
    others = [line for line in done.log.splitlines() if line not in said and line and not line.startswith("::")]
    assert not others, others
    assert not any(line.startswith("::warning") for line in done.log.splitlines())
    assert not list(home.rglob("pwned")) + list(ROOT.glob("pwned"))
    assert done.outputs["verdict"] == "failed"
    assert not list((home / "temp").glob("runbook-report/*.json"))
