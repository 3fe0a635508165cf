"""junit.xml, as pytest writes it out of our findings: well-formed, with stable names, failure told from error."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import to_junit
from reports.judgement import harmless
from tests.reports.build import HOSTILE, finding

pytest_plugins = ["pytester"]


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


def test_a_place_of_ones_own_is_kept(tmp_path: Path) -> None:
    mine = SimpleNamespace(option=SimpleNamespace(xmlpath="mine.xml"))
    none = SimpleNamespace(option=SimpleNamespace(xmlpath=None))
    for config in (mine, none):
        to_junit.configure(config, tmp_path)  # type: ignore[arg-type]
    assert (mine.option.xmlpath, none.option.xmlpath) == ("mine.xml", str(tmp_path / "junit.xml"))


def _written(pytester: pytest.Pytester, *texts: str) -> ET.Element:
    """What pytest's writer makes of checks that end with these findings, by way of the same attributes as ours."""
    said = [to_junit.told(harmless(finding(summary=t, evidence=(t,), resolution=t))) for t in texts]
    marks = [to_junit.properties(harmless(finding(resolution=t, resource=t))) for t in texts]
    pytester.makeconftest(
        f"""
import pytest
SAID, MARKS = {said!r}, {marks!r}

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    n = item.callspec.params["n"]
    if report.when == "call":
        item.user_properties[:] = MARKS[n]
        report.user_properties = MARKS[n]
        report.longrepr = SAID[n]
    return report
"""
    )
    pytester.makepyfile(f"import pytest\n@pytest.mark.parametrize('n', range({len(texts)}))\ndef test_x(n): assert 0")
    pytester.runpytest_inprocess("--junitxml=j.xml", "-p", "no:cacheprovider", "-q", "--tb=no")
    return ET.parse(pytester.path / "j.xml").getroot()


def test_hostile_text_stays_well_formed(pytester: pytest.Pytester) -> None:
    root = _written(pytester, *HOSTILE)
    cases = root.findall(".//testcase")
    assert len(cases) == len(HOSTILE)
    assert len(root.findall(".//failure")) == len(HOSTILE)
    assert not root.findall(".//script")
    assert (pytester.path / "j.xml").stat().st_size < 200_000


@given(st.text(st.characters(exclude_categories=()), max_size=100))
def test_any_text_of_a_finding_is_xml(text: str) -> None:
    one = harmless(finding(summary=text, evidence=(text,), resolution=text, resource=text))
    element = ET.Element("x")
    element.text = to_junit.told(one)
    for name, value in to_junit.properties(one):
        element.set(name, value)
    ET.fromstring(ET.tostring(element))
