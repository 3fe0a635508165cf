"""The workflows: pinned, least privileged, wired to what the action declares; and the nightly's steps do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = [ROOT / "action.yml", *WORKFLOWS]
NIGHTLY = ROOT / ".github" / "scripts" / "nightly.sh"
# What each job may do, and nothing else.
MAY = {
    "ci/prove": {"contents": "read"},
    "ci/audit": {"contents": "read"},
    "smoke-gate/gate": {"contents": "read", "id-token": "write"},
    "nightly-proof/mutation": {"contents": "read"},
    "nightly-proof/instants": {"contents": "read"},
    "nightly-drift/targets": {"contents": "read"},
    "nightly-drift/judge": {"actions": "read", "contents": "read", "id-token": "write"},
    "nightly-drift/report": {"contents": "read", "issues": "write"},
}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        yield from ((f"{path.stem}/{name}", job) for name, job in yaml.safe_load(path.read_text())["jobs"].items())


def steps() -> Iterator[dict[str, Any]]:
    yield from ACTION["runs"]["steps"]
    for _, job in jobs():
        yield from job["steps"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_what_others_wrote_is_pinned_to_a_commit_with_its_version(path: Path) -> None:
    used = re.findall(r"^ *(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE)
    others = [u for u in used if not u.startswith("./")]
    assert others
    for one in others:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_one_action_has_one_version() -> None:
    used = {u for path in FILES for u in re.findall(r" ([\w-]+/[\w-]+)[\w/-]*@([0-9a-f]{40})", path.read_text())}
    assert len(used) == len({name for name, _ in used})


def test_images_are_pinned_to_their_content() -> None:
    images = [job["container"] for _, job in jobs() if "container" in job]
    assert images
    assert all(re.fullmatch(r"[\w./:-]+@sha256:[0-9a-f]{64}", image) for image in images)


def test_no_expression_becomes_part_of_a_script() -> None:
    assert [s["run"] for s in steps() if "${{" in s.get("run", "")] == []


def test_each_job_may_do_only_what_it_needs_and_ends() -> None:
    assert {name: job["permissions"] for name, job in jobs()} == MAY
    assert all(yaml.safe_load(p.read_text())["permissions"] == {} for p in WORKFLOWS)
    assert all(0 < job["timeout-minutes"] <= 60 for _, job in jobs())
    assert all("concurrency" in yaml.safe_load(p.read_text()) for p in WORKFLOWS)


def test_no_checkout_leaves_a_token_behind() -> None:
    checkouts = [s for s in steps() if s.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(s["with"]["persist-credentials"] is False for s in checkouts)


def test_nobody_but_a_caller_chooses_the_sandbox() -> None:
    assert ACTION["inputs"]["sandbox"]["default"] == "false"
    assert not [s for s in steps() if "sandbox" in s.get("with", {})]
    assert "--sandbox" not in "".join(p.read_text() for p in WORKFLOWS)


def test_workflows_give_the_action_what_it_takes_and_read_what_it_gives() -> None:
    uses = [(name, s, job) for name, job in jobs() for s in job["steps"] if s.get("uses", "").startswith("./")]
    assert [name for name, _, _ in uses] == ["nightly-drift/judge", "smoke-gate/gate"]
    required = {k for k, v in ACTION["inputs"].items() if v.get("required")}
    for _, step, job in uses:
        assert required <= set(step["with"]) <= set(ACTION["inputs"])
        read = set(re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", yaml.safe_dump(job)))
        assert read
        assert read <= set(ACTION["outputs"])


def test_the_gate_takes_the_same_by_hand_and_from_another_workflow() -> None:
    loaded = yaml.safe_load((ROOT / ".github" / "workflows" / "smoke-gate.yml").read_text())
    on = loaded[True]  # YAML 1.1 takes `on` for a truth value
    assert on["workflow_call"]["inputs"] == on["workflow_dispatch"]["inputs"]


def test_scripts_can_be_run() -> None:
    assert all(os.access(p, os.X_OK) for p in (ROOT / ".github" / "scripts").iterdir())


# -- the nightly's steps ------------------------------------------------------------------------------------------


def night(where: Path, step: str, **environment: str) -> tuple[int, str, dict[str, str]]:
    """Exit code, log and outputs of one step."""
    (where / "output").write_text("")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PYTEST_"))}
    given = {"GITHUB_OUTPUT": str(where / "output"), "PATH": path, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": "true"}
    done = subprocess.run(
        [NIGHTLY, step], cwd=where, env=kept | given | environment, capture_output=True, text=True, timeout=60
    )
    outputs = dict(line.partition("=")[::2] for line in (where / "output").read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, outputs


def results(path: Path, target: str) -> None:
    """A green night's results.json."""
    from reports import to_json
    from reports.finding import Finding, Results

    path.mkdir(parents=True)
    one = Finding(
        id="checks/check_ecs.py::check_x", check="check_x", title="x", scenario="ecs", severity="high",
        stage="diagnosis", outcome="passed", target=target, summary="fine",
    )  # fmt: skip
    to_json.write(Results(findings=[one], mode="live", targets=(target,), started="2026-05-01T02:17:00+00:00"), path)


def test_every_target_is_judged(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    code, log, _ = night(tmp_path, "targets")
    assert (code, "holds no target" in log) == (1, True)
    for name in ("shop-dev", "it's prod"):
        (tmp_path / "targets" / f"{name}.toml").touch()
    code, _, outputs = night(tmp_path, "targets")
    assert (code, json.loads(outputs["names"])) == (0, ["it's prod", "shop-dev"])


@pytest.mark.parametrize(
    "role, roles, found",
    [
        ("", '{"dev": "arn:1"}', "arn:1"),
        ("arn:2", '{"dev": "arn:1"}', "arn:1"),
        ("arn:2", '{"prod": "arn:1"}', "arn:2"),
        ("arn:2", "", "arn:2"),
        ("", "", None),
        ("", '{"prod": "arn:1"}', None),
        ("arn:2", "{dev}", None),
    ],
)
def test_a_target_has_its_role(tmp_path: Path, role: str, roles: str, found: str | None) -> None:
    code, log, outputs = night(tmp_path, "prepare", ROLE=role, ROLES=roles, TARGET="dev")
    assert (code, outputs.get("role")) == (0 if found else 1, found)
    assert ("no role for dev" in log) == (found is None)


def test_a_night_is_compared_with_the_last_that_judged(tmp_path: Path) -> None:
    code, log, outputs = night(tmp_path, "prepare", ROLE="arn", ROLES="", TARGET="dev")
    assert (code, outputs.get("baseline"), "not told new from known" in log) == (0, None, True)
    results(tmp_path / "reports", "dev")
    assert night(tmp_path, "remember", REPORTS="reports")[0] == 0
    (tmp_path / "reports" / "results.json").unlink()
    assert night(tmp_path, "remember", REPORTS="reports")[0] == 0
    _, log, outputs = night(tmp_path, "prepare", ROLE="arn", ROLES="", TARGET="dev")
    assert (outputs["baseline"], "notice" in log) == ("memory/last.json", False)
    assert (tmp_path / "memory" / "last.json").stat().st_size


def test_a_target_without_results_is_red_and_named(tmp_path: Path) -> None:
    names = '["dev", "prod"]'
    results(tmp_path / "nights" / "results-dev", "dev")
    code, log, outputs = night(tmp_path, "merge", TARGETS=names)
    assert (code, outputs["verdict"], outputs["results"]) == (1, "failed", "reports/out/results.json")
    assert "results-prod" in log
    code, log, _ = night(tmp_path, "complete", TARGETS=names, JUDGED="failure")
    assert (code, "nobody looked at prod" in log) == (1, True)
    results(tmp_path / "nights" / "results-prod", "prod")
    assert night(tmp_path, "merge", TARGETS=names)[0] == 0
    assert night(tmp_path, "complete", TARGETS=names, JUDGED="success")[0] == 0


@pytest.mark.parametrize("names, judged", [("", "success"), ("[]", "success"), ('["dev"]', "skipped")])
def test_a_night_on_which_nobody_judged_is_red(tmp_path: Path, names: str, judged: str) -> None:
    results(tmp_path / "nights" / "results-dev", "dev")
    assert night(tmp_path, "complete", TARGETS=names, JUDGED=judged)[0] != 0
