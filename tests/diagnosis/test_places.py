from __future__ import annotations

import pytest

from checks.diagnosis.places import Problem, over_files
from checks.diagnosis.verdict import Severity, Verdict


def judged(*problems: Problem, **more: dict[str, str]) -> Verdict:
    return over_files(problems, subject="3 Dockerfiles", fine="all is well", expected="no problems", **more)


@pytest.mark.parametrize(("line", "place"), [(3, "a/Dockerfile:3"), (0, "a/Dockerfile")])
def test_place(line: int, place: str) -> None:
    assert Problem("a/Dockerfile", line, "bad").place == place


def test_nothing_wrong() -> None:
    verdict = judged()
    assert verdict.summary == "3 Dockerfiles: all is well; expected no problems"
    assert (verdict.ok, verdict.related, verdict.locations) == (True, ("build",), ())


def test_one_problem() -> None:
    verdict = judged(Problem("a/Dockerfile", 3, "bad"), names={"context": "a"})
    assert verdict.summary == "a/Dockerfile: bad (line 3); expected no problems"
    assert (verdict.ok, verdict.evidence, verdict.locations) == (False, ("a/Dockerfile:3: bad",), ("a/Dockerfile:3",))
    assert verdict.names == {"file": "a/Dockerfile", "dockerfile": "a/Dockerfile", "context": "a"}
    assert verdict.related == ("build",)


def test_a_problem_of_a_whole_file_is_located_at_its_first_line() -> None:
    verdict = judged(Problem("a", 0, "bad"), Problem("a", 1, "worse"))
    assert verdict.observed == "bad, and 1 more"
    assert verdict.evidence == ("a: bad", "a:1: worse")
    assert verdict.locations == ("a:1",)


@pytest.mark.parametrize(
    ("severities", "first"),
    [
        # The check's own severity lies between high and medium.
        ((None, "high"), 1),
        (("medium", None), 1),
        (("low", "medium"), 1),
        (("high", "critical"), 1),
        ((None, None), 0),
        (("low", "low", "critical", "high"), 2),
    ],
)
def test_the_gravest_speaks(severities: tuple[Severity | None, ...], first: int) -> None:
    verdict = judged(*(Problem(f"f{n}", 1, "bad", s) for n, s in enumerate(severities)))
    assert (verdict.resource, verdict.severity) == (f"f{first}", severities[first])
    assert len(verdict.evidence) == len(severities)
