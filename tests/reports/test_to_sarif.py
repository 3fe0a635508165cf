"""results.sarif: what code scanning takes, of findings that name a line of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from reports import to_sarif
from reports.finding import Finding
from reports.judgement import harmless
from tests.reports.build import HOSTILE, finding, results


def _run(*found: Finding, tmp_path: Path, **environment: str) -> dict[str, Any]:
    written = to_sarif.write(results(*found), tmp_path, environment)
    assert written is not None
    document = json.loads(written.read_text(encoding="utf-8"))
    _is_sarif(document)
    (run,) = document["runs"]
    return run  # type: ignore[no-any-return]


def _is_sarif(document: dict[str, Any]) -> None:
    """What SARIF 2.1.0 requires (sections 3.13, 3.14, 3.19, 3.27, 3.49), and GitHub besides."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    ids = [r["id"] for r in driver["rules"]]
    assert driver["name"] and len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["artifactLocation"]["uri"].isascii() and " " not in place["artifactLocation"]["uri"]


def test_only_findings_with_a_place_are_told(tmp_path: Path) -> None:
    run = _run(
        finding("check_a", locations=("terraform/main.tf:12", "terraform/rds.tf:3"), severity="critical"),
        finding("check_b"),
        finding("check_c", outcome="passed", locations=("a.tf:1",)),
        finding("check_d", outcome="advisory", locations=("app/Docker file:7",), severity="low"),
        finding("check_e", outcome="unverified", locations=("b.tf:1",)),
        tmp_path=tmp_path,
    )
    told = [
        (r["ruleId"], r["level"], r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], r["locations"][0]["physicalLocation"]["region"]["startLine"])
        for r in run["results"]
    ]  # fmt: skip
    assert told == [
        ("check_a", "error", "terraform/main.tf", 12),
        ("check_a", "error", "terraform/rds.tf", 3),
        ("check_d", "note", "app/Docker%20file", 7),
    ]
    assert run["results"][0]["message"]["text"] == "shop: check_a is off; expected on"
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["check_a", "check_d"]


def test_nothing_to_tell_is_a_valid_file_that_closes_what_was_open(tmp_path: Path) -> None:
    run = _run(finding(outcome="passed"), tmp_path=tmp_path)
    assert run["results"] == []
    assert run["automationDetails"]["id"] == "runbook-checks/dev/"


def test_what_was_open_is_closed_only_by_a_run_that_looked_at_the_same(tmp_path: Path) -> None:
    run = results(finding(outcome="passed"), selection="smoke and ecs")
    (told,) = to_sarif.as_dict(run, {})["runs"]
    assert told["automationDetails"]["id"] == "runbook-checks/dev/smoke and ecs/"

    (tmp_path / "results.sarif").write_text("of an earlier run")
    excused = finding(outcome="not_applicable", scenario="docker", exempt_until="2027-02-01")
    for blind in (
        results(finding(outcome="unverified", scenario="terraform")),
        results(excused),
        results(not_judged=1),
    ):
        assert to_sarif.write(blind, tmp_path, {}) is None
        assert not (tmp_path / "results.sarif").exists()
    assert to_sarif.write(results(finding(outcome="unverified", scenario="alb")), tmp_path, {}) is not None


def test_an_exempt_finding_is_suppressed_with_its_reason(tmp_path: Path) -> None:
    one = finding(outcome="advisory", locations=("a.tf:1",), exempt_until="2027-02-01", exempt_reason="Ann")
    (result,) = _run(one, tmp_path=tmp_path)["results"]
    assert result["suppressions"] == [{"kind": "external", "justification": "until 2027-02-01: Ann"}]


def test_fingerprints_stay_when_lines_move_and_differ_between_services_and_targets(tmp_path: Path) -> None:
    def mark(**more: Any) -> str:
        (result,) = _run(finding(**{"locations": ("a.tf:1",), **more}), tmp_path=tmp_path)["results"]
        return str(result["partialFingerprints"]["runbookChecks/v1"])

    first = mark()
    assert first == mark(locations=("a.tf:99",)) == mark(summary="other words")
    assert (
        len({first, mark(service="product"), mark(target="prod"), mark(locations=("b.tf:1",)), mark(check="check_y")})
        == 5
    )


def test_paths_are_relative_to_the_checkout(tmp_path: Path) -> None:
    one = finding(locations=("/w/terraform/main.tf:1",))
    (result,) = _run(one, tmp_path=tmp_path, GITHUB_WORKSPACE="/w")["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "terraform/main.tf"
    (outside,) = _run(one, tmp_path=tmp_path)["results"]
    assert outside["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///w/terraform/main.tf"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(text: str, tmp_path: Path) -> None:
    one = harmless(finding(summary=text, resolution=text, locations=(text, f"{text[:200]}:3")))
    run = _run(one, tmp_path=tmp_path)
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        # A name like javascript: must not become the address's scheme.
        assert ":" not in uri.split("/")[0] or uri.startswith("file:///")
        assert unquote(uri)
    assert (tmp_path / "results.sarif").stat().st_size < 60_000


def test_no_more_results_than_code_scanning_shows(tmp_path: Path) -> None:
    found = [finding(f"check_{n}", locations=tuple(f"f{m}.tf:1" for m in range(60))) for n in range(100)]
    assert len(_run(*found, tmp_path=tmp_path)["results"]) == 5000
