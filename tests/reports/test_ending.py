"""The end of a run: counts added up, exemptions that no longer serve named, earlier reports out of the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fixtures.sandbox.server import Host
from fixtures.target import Exemption, Target
from reports import ending
from reports.finding import Results, empty_api
from tests.harness import run_checks
from tests.reports.build import finding


def test_reports_of_an_earlier_run_are_never_taken_for_this_ones(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    ending.clear(out)
    for name in (*ending.FILES, "mine.txt"):
        (out / name).touch()
    ending.clear(out)
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(pytest.UsageError, match="--out: cannot write to"):
        ending.clear(tmp_path / "file" / "out")


@pytest.mark.parametrize("name", ["results.json", "report.html"])
def test_a_report_that_cannot_be_written_is_one_line_and_fails_the_run(host: Host, tmp_path: Path, name: str) -> None:
    # As on a disk that is full by then: what is to be written first cannot be.
    (tmp_path / f"{name}.{os.getpid()}.tmp").mkdir()
    with host.fork() as world:
        judged = run_checks(world, "-m", "alb", "--out", str(tmp_path))

    assert judged.exit_code == judged.results.exit_code == 1
    assert not judged.results.of("failed", "unverified")
    # Lines are wrapped.
    said = " ".join(judged.output.split())
    assert (
        said.count("nothing failed") == said.count("reports could be written to") == said.count("Is a directory") == 1
    )
    assert "Traceback" not in said


def test_counts_of_processes_are_added_up() -> None:
    results = Results()
    more: dict[str, Any] = {"requests": 3, "distinct": 2, "waited_s": 1.5, "by_operation": {"ecs:ListServices": 3}}
    for account in ("1" * 12, "2" * 12):
        ending.take(
            results, {"api": more, "accounts": {account[0]: account}, "series": [], "timelines": [], "expanded": 0}
        )
    assert results.api == {"requests": 6, "distinct": 4, "waited_s": 3.0, "by_operation": {"ecs:ListServices": 6}}
    assert results.account == f"{'1' * 12}, {'2' * 12}"
    assert empty_api()["requests"] == 0


@pytest.mark.parametrize(
    ("parameters", "targets", "expected"),
    [
        ("", ("dev",), "dev"),
        ("[product]", ("dev",), "dev"),
        ("[prod-product]", ("dev", "prod"), "prod"),
        ("[prod-eu-product]", ("prod", "prod-eu"), "prod-eu"),
        ("[prod]", ("dev", "prod"), "prod"),
    ],
)
def test_a_lost_check_belongs_to_the_target_that_its_id_names(
    parameters: str, targets: tuple[str, ...], expected: str
) -> None:
    lost = finding("check_x", outcome="unverified", target="", id=f"checks/check_ecs.py::check_x{parameters}")
    assert ending._owned(lost, targets).target == expected
    assert ending._owned(finding(target="dev"), targets).target == "dev"


_KNOWN = ("check_x", "check_y")


def _said(*found: Any, check: str = "check_x", **more: Any) -> list[str]:
    told = {"check": check, "resource": "*", "reason": "Ann", "expires": "2027-02-01", **more}
    exempt = msgspec.convert(told, Exemption)
    target = Target(
        name="dev", cluster="c", project="shop", environment="dev", discover_services=True, exemptions=(exempt,)
    )
    return ending._about_exemptions(target, list(found), _KNOWN)


def test_an_exemption_that_serves_is_not_spoken_of() -> None:
    assert _said(finding(outcome="advisory")) == []
    assert _said(finding(outcome="not_applicable", exempt_until="2027-02-01"), could_not_look=True) == []
    assert _said(finding(outcome="unverified"), could_not_look=True) == []


def test_one_that_matches_no_failure_any_more_is_to_be_removed() -> None:
    assert _said(finding(outcome="passed")) == ["exemption of check_x on * in dev matches no failure: remove it"]
    assert _said(finding(), could_not_look=True) == [
        "exemption of check_x on * in dev matches nothing that could not be looked at: remove it"
    ]
    # What was not judged this time, or could not be seen, may well be what is exempted.
    assert _said(finding("check_y", outcome="passed")) == []
    assert _said(finding(outcome="unverified")) == []


def test_one_that_names_no_check_is_pointed_out() -> None:
    assert _said(finding(outcome="passed"), check="check_xx") == [
        "exemption of check_xx on * in dev names no check; did you mean 'check_x'?"
    ]
