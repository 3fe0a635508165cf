from __future__ import annotations

import pytest

from checks.diagnosis import response_errors
from fixtures.model.metrics import Counts, Series
from tests.diagnosis.database_facts import NOW, ago, service


def judged(*periods: tuple[float, float, float]) -> tuple[bool, str | None]:
    """Periods as (minutes ago, errors, requests)."""
    ordered = sorted(periods, reverse=True)
    series = {
        "HTTPCode_Target_5XX_Count": Series(tuple((ago(m), e) for m, e, _ in ordered if e)),
        "RequestCount": Series(tuple((ago(m), r) for m, _, r in ordered)),
    }
    counts = Counts(ago(60), NOW, 300, series)
    verdict = response_errors.few_server_errors(service(), "arn:group", counts, NOW, least=5, percent=1.0)
    return bool(verdict), verdict.severity


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([], (True, None)),
        ([(5, 0, 1000)], (True, None)),
        ([(5, 4, 10)], (True, None)),
        ([(5, 5, 100)], (False, None)),
        ([(5, 5, 1000)], (True, None)),
        ([(5, 11, 1000)], (False, None)),
        ([(40, 50, 100), (5, 0, 100)], (False, "medium")),
        ([(40, 50, 100), (5, 50, 100)], (False, None)),
        ([(5, 20, 0)], (False, None)),
    ],
)
def test_share_of_errors(periods: list[tuple[float, float, float]], expected: tuple[bool, str | None]) -> None:
    assert judged(*periods) == expected


def test_errors_before_the_present_deployment_are_what_it_may_have_mended() -> None:
    series = {"HTTPCode_Target_5XX_Count": Series(((ago(10), 50.0),)), "RequestCount": Series(((ago(10), 100.0),))}
    counts = Counts(ago(60), NOW, 300, series)
    verdict = response_errors.few_server_errors(
        service(deployed_min_ago=9), "arn:group", counts, NOW, least=5, percent=1.0
    )
    assert (bool(verdict), verdict.severity) == (False, "medium")
