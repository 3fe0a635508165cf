from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis.verdict import Severity, Verdict, together, worst
from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable


def verdict(ok: bool = False, severity: Severity | None = None, **changes: object) -> Verdict:
    values: dict[str, object] = {"resource": "arn:x", "observed": "1 of 2 tasks run", "expected": "2 running tasks"}
    return Verdict(ok=ok, severity=severity, **(values | changes))  # type: ignore[arg-type]


FINE = verdict(True, resource="arn:fine")


def test_summary_is_one_line_with_the_name_people_use() -> None:
    assert verdict().summary == "arn:x: 1 of 2 tasks run; expected 2 running tasks"
    assert verdict(name="web", observed="a\n  b").summary == "web: a b; expected 2 running tasks"


def test_text_has_the_cause_before_the_evidence() -> None:
    told = str(verdict(likely_cause="no room", evidence=("one", "two")))
    assert told.split("\n") == [verdict().summary, "likely cause: no room", "  one", "  two"]
    assert str(verdict()) == verdict().summary


def test_truth_and_explanation() -> None:
    bad = verdict()
    assert not bad
    assert FINE
    assert bad.explain() is bad


@pytest.mark.parametrize(
    ("severities", "gravest"),
    [
        # Without a severity of its own a verdict has the check's, and others only soften it.
        (("medium", None, "low"), 1),
        (("high", "critical"), 1),
        (("critical", "high"), 0),
        (("medium", "high"), 1),
        (("low", "medium"), 1),
        (("critical", None), 1),
        ((None, None), 0),
        (("low", "low"), 0),
        (("low",), 0),
    ],
)
def test_the_gravest_speaks(severities: tuple[Severity | None, ...], gravest: int) -> None:
    several = tuple(verdict(severity=s, resource=f"arn:{n}") for n, s in enumerate(severities))
    said = worst(several, FINE)
    assert (said.resource, said.severity) == (f"arn:{gravest}", severities[gravest])


def test_all_failing_parts_leave_their_evidence_and_fine_ones_do_not() -> None:
    first = verdict(name="a", severity="low", evidence=("one", "both"), related=("r1", "r2"), signs=("dns", "memory"))
    second = verdict(name="b", evidence=("both", "two"), related=("r2", "r3"), signs=("dns", "tls"))
    fine = verdict(True, name="c", evidence=("three",), related=("r4",), signs=("network",))
    said = worst((first, fine, second), FINE)
    assert said.name == "b"
    assert said.evidence == ("both", "two", first.summary, "one")
    assert said.related == ("r2", "r3", "r1")
    assert said.signs == ("dns", "tls", "memory")


def test_nothing_wrong() -> None:
    assert worst((), FINE) is FINE
    assert worst((verdict(True),), FINE) is FINE


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(("critical", "high", "medium", "low", None)))))
def test_worst_fails_exactly_if_one_part_does(parts: list[tuple[bool, Severity | None]]) -> None:
    said = worst(tuple(verdict(ok, s, resource=f"r{n}") for n, (ok, s) in enumerate(parts)), FINE)
    assert bool(said) is all(ok for ok, _ in parts)


NOT_SEEN, NOTHING = Unavailable("rds:Describe", "denied"), NotApplicable("no traffic")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((FINE,), FINE),
        ((NOTHING, FINE), FINE),
        # What is broken is told, whatever could not be seen besides.
        ((NOT_SEEN, NOTHING, FINE, verdict()), "broken"),
        ((FINE, NOT_SEEN), NOT_SEEN),
        ((NOTHING, NOT_SEEN), NOT_SEEN),
        ((NOTHING,), NOTHING),
    ],
)
def test_several_resources_together(answers: tuple[object, ...], expected: object) -> None:
    judged: Each[int, Verdict] = Each(dict(enumerate(answers)))  # type: ignore[arg-type]
    if isinstance(expected, Exception):
        with pytest.raises(type(expected)) as caught:
            together(judged, "none")
        assert caught.value is expected
    else:
        found = together(judged, "none")
        assert found is expected or not found


def test_none_at_all_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="no database"):
        together(Each({}), "no database")
