"""What is new, known or fixed since an earlier run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports import to_json
from reports.baseline import Baseline, change, compare, read_baseline
from tests.reports.build import finding, results


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("passed", "failed", "new"),
        ("", "failed", "new"),
        ("failed", "failed", "known"),
        ("failed", "passed", "fixed"),
        ("failed", "not_applicable", None),
        ("unverified", "passed", "fixed"),
        # Worse than before is news, milder is not.
        ("advisory", "failed", "new"),
        ("failed", "advisory", "known"),
        ("failed", "unverified", "new"),
        ("unverified", "failed", "new"),
        ("passed", "passed", None),
        ("", "passed", None),
        ("not_applicable", "passed", None),
    ],
)
def test_what_became_of_a_finding(before: str, now: str, expected: str | None) -> None:
    assert change(now, before) == expected


def test_an_earlier_results_json_is_a_baseline(tmp_path: Path) -> None:
    path = to_json.write(
        results(finding("check_a"), finding("check_b"), finding("check_c", outcome="passed")), tmp_path
    )
    run = results(finding("check_a"), finding("check_b", outcome="passed"), finding("check_c"))
    compare(run, read_baseline(str(path)))
    assert {f.check: f.change for f in run.findings} == {"check_a": "known", "check_b": "fixed", "check_c": "new"}
    assert run.notes == []


def test_ids_change_with_the_number_of_targets_and_checks_are_recognised_all_the_same(tmp_path: Path) -> None:
    path = to_json.write(results(finding("check_a", "product")), tmp_path)
    run = results(finding("check_a", "product", id="checks/check_ecs.py::check_a[dev-product]"))
    compare(run, read_baseline(str(path)))
    assert run.findings[0].change == "known"


def test_of_another_target_nothing_is_known(tmp_path: Path) -> None:
    path = to_json.write(results(finding("check_a", target="dev")), tmp_path)
    run = results(finding("check_a", target="prod", id="checks/check_ecs.py::check_a[prod]"))
    compare(run, read_baseline(str(path)))
    assert run.findings[0].change == "new"
    assert run.notes == []


def test_what_was_wrong_and_is_not_judged_any_more_is_said(tmp_path: Path) -> None:
    gone = [finding(f"check_{n}", "product") for n in range(6)]
    path = to_json.write(results(finding("check_a"), *gone), tmp_path)
    run = results(finding("check_a"), finding("check_0", "product", outcome="not_applicable"))
    compare(run, read_baseline(str(path)))
    assert run.notes == [
        f"6 findings of {path} not judged this time, so neither known nor fixed: "
        "check_0[product], check_1[product], check_2[product], check_3[product] and 2 more"
    ]


def test_a_file_of_the_contracts_fields_only_is_compared_by_id(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps({"checks": [{"id": finding("check_a").id, "outcome": "failed"}]}))
    run = results(finding("check_a"))
    compare(run, read_baseline(str(path)))
    assert run.findings[0].change == "known"


def test_without_a_baseline_nothing_is_said_of_changes() -> None:
    run = results(finding())
    compare(run, read_baseline(None))
    compare(run, Baseline())
    assert run.findings[0].change is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"checks": 3}', b'{"checks": [3]}', b'{"checks": [{"id": 1}]}', b"[" * 100_000, b'{"checks": [{"id": "a", "outcome": "failed", "target": [], "check": {}, "service": []}]}'])  # fmt: skip
def test_other_files_are_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(pytest.UsageError, match="is not a results"):
        read_baseline(str(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pytest.UsageError, match="--baseline"):
        read_baseline(str(tmp_path / "none.json"))
