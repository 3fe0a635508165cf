"""junit.xml: well-formed, with stable names, failure told from error."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reports import to_junit
from reports.finding import Results
from reports.judgement import harmless
from tests.reports.build import HOSTILE, finding, results


def test_properties_leave_out_what_is_empty() -> None:
    told = dict(to_junit.properties(finding("check_x", "product", exempt_until="2027-02-01")))
    assert told == {
        "outcome": "failed",
        "severity": "high",
        "scenario": "ecs",
        "stage": "diagnosis",
        "target": "dev",
        "resource": "arn:aws:ecs:us-east-1:123456789012:service/dev/product",
        "resolution": "Turn check_x on.",
        "exempt_until": "2027-02-01",
    }
    assert ("iam_action", "ecs:DescribeServices") in to_junit.properties(finding(outcome="unverified"))


def test_a_failure_in_plain_text() -> None:
    assert to_junit.told(finding(likely_cause="somebody did it")).splitlines() == [
        "shop: check_x is off; expected on",
        "likely cause: somebody did it",
        "  first line",
        "  second line",
        "resolution: Turn check_x on.",
        "  $ aws ecs describe-services --cluster dev",
    ]


def test_a_report_carries_one_line_and_all_of_it() -> None:
    carried = to_junit.Told(finding())
    assert carried.reprcrash.message == "shop: check_x is off; expected on"
    assert str(carried) == to_junit.told(finding())


def _written(results: Results, place: Path) -> ET.Element:
    return ET.parse(to_junit.write(results, place)).getroot()


def test_each_outcome_has_its_element(tmp_path: Path) -> None:
    outcomes = ("passed", "failed", "advisory", "unverified", "not_applicable")
    root = _written(results(*(finding(f"check_{o}", "product", o, duration_s=0.25) for o in outcomes)), tmp_path)

    cases = root.findall("testsuite/testcase")
    assert [c.get("name") for c in cases] == [f"check_{o}[product]" for o in outcomes]
    assert {(c.get("classname"), c.get("time")) for c in cases} == {("checks.check_ecs", "0.250")}
    assert [[e.tag for e in c] for c in cases] == [
        ["properties"],
        ["properties", "failure"],
        ["properties", "skipped"],
        ["properties", "error"],
        ["properties", "skipped"],
    ]
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.get("message") == "product: check_failed is off; expected on"
    assert failure.text == to_junit.told(finding("check_failed", "product"))
    advisory = cases[2].find("skipped")
    assert advisory is not None
    assert (advisory.get("type"), advisory.get("message")) == (
        "pytest.xfail",
        "advisory: product: check_advisory is off; expected on",
    )


def test_a_class_is_part_of_the_module(tmp_path: Path) -> None:
    identifier = "checks/check_mine.py::TestGroup::check_in_class[a::b-c/d.py]"
    case = _written(results(finding(id=identifier)), tmp_path).find("testsuite/testcase")
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("checks.check_mine.TestGroup", "check_in_class[a::b-c/d.py]")


def test_the_suite_counts_them_and_says_whether_they_are_of_a_simulation(tmp_path: Path) -> None:
    outcomes = ("passed", "passed", "failed", "advisory", "unverified", "not_applicable", "not_applicable")
    told = results(*(finding(f"check_{n}", outcome=o) for n, o in enumerate(outcomes)))
    told.mode = "sandbox"
    suite = _written(told, tmp_path).find("testsuite")

    assert suite is not None
    assert {n: suite.get(n) for n in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "errors": "1",
        "skipped": "3",
    }
    assert {p.get("name"): p.get("value") for p in suite.findall("properties/property")}["mode"] == "sandbox"


def test_a_file_that_could_not_be_collected_is_an_error(tmp_path: Path) -> None:
    told = results()
    told.other_errors.append(("checks/check_mine.py", "collection failure", "SyntaxError: <nonsense>"))
    root = _written(told, tmp_path)

    case, error = root.find("testsuite/testcase"), root.find("testsuite/testcase/error")
    assert case is not None
    assert error is not None
    assert (case.get("classname"), case.get("name")) == ("", "checks.check_mine")
    assert (error.get("message"), error.text) == ("collection failure", "SyntaxError: <nonsense>")
    assert root.find("testsuite").get("errors") == "1"  # type: ignore[union-attr]


def test_hostile_text_stays_well_formed(tmp_path: Path) -> None:
    told = [harmless(finding(summary=t, evidence=(t,), resolution=t, resource=t)) for t in HOSTILE]
    root = _written(results(*told), tmp_path)
    assert len(root.findall(".//testcase")) == len(root.findall(".//failure")) == len(HOSTILE)
    assert not root.findall(".//script")
    assert (tmp_path / "junit.xml").stat().st_size < 200_000


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_text_at_all_is_xml(text: str) -> None:
    one = finding(text, text, summary=text, evidence=(text,), resolution=text, resource=text)
    ET.fromstring("".join(to_junit._document(results(one))))
