"""OCSF events: their status says what was found, what could not be seen is no failure, and ids stay the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports import to_json, to_ocsf
from reports.__main__ import main
from tests.reports.build import HOSTILE, finding, results


def _events(*findings: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in to_ocsf.lines(results(*findings))]


def test_each_outcome_has_the_status_that_it_means() -> None:
    outcomes = ("failed", "advisory", "unverified", "passed", "not_applicable")
    events = _events(*(finding(f"check_{o}", outcome=o) for o in outcomes))
    told = {e["compliance"]["control"]: (e["status_code"], e["compliance"]["status_id"], e["status"]) for e in events}
    assert told == {
        "check_failed": ("failed", 3, "New"),
        "check_advisory": ("advisory", 3, "New"),
        "check_unverified": ("unverified", 2, "New"),
        "check_passed": ("passed", 1, "Resolved"),
    }


def test_a_failure_with_all_that_belongs_to_it() -> None:
    (event,) = _events(
        finding("check_x", "order", severity="critical", change="known", since="2027-01-01T03:00:00+00:00")
    )
    assert (event["category_uid"], event["class_uid"], event["type_uid"]) == (2, 2003, 200302)
    assert (event["severity_id"], event["severity"], event["time"]) == (5, "Critical", 1798858800000)
    assert event["metadata"]["tenant_uid"] == "123456789012"
    assert event["metadata"]["product"]["name"] == "Runbook Checks"
    assert event["finding_info"]["first_seen_time"] == event["time"] - 86_400_000
    assert event["remediation"] == {"desc": "Turn check_x on."}
    (resource,) = event["resources"]
    assert (resource["uid"].startswith("arn:aws:ecs:"), resource["name"], resource["region"]) == (
        True,
        "order",
        "us-east-1",
    )


def test_the_id_is_that_of_the_check_on_the_service_however_it_ends() -> None:
    uids = [_events(finding("check_x", "order", o))[0]["finding_info"]["uid"] for o in ("failed", "passed")]
    assert uids[0] == uids[1] != _events(finding("check_x", "product"))[0]["finding_info"]["uid"]


def test_an_exempted_failure_is_suppressed() -> None:
    (event,) = _events(finding(outcome="advisory", exempt_until="2027-02-01"))
    assert event["status"] == "Suppressed"


def test_the_command_prints_a_line_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = [finding(f"check_{n}", summary=to_json.inert(t, 400)) for n, t in enumerate(HOSTILE[:6])]
    to_json.write(results(*hostile), tmp_path)
    assert main(["ocsf", str(tmp_path)]) == 0
    assert len([json.loads(line) for line in capsys.readouterr().out.splitlines()]) == 6
    assert main(["ocsf", str(tmp_path / "none.json")]) == 4
    assert capsys.readouterr().err.startswith("ERROR: ")
