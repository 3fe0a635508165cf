from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from checks.diagnosis.causes import Effect, contradicts, explain, roots, shares_resources

EFFECT = Effect("1", "check_a", True, (), "dev", "", ())


def effect(id: str, *declared: str, check: str = "", **changes: object) -> Effect:
    return structs.replace(EFFECT, id=id, check=check or id, declared=declared, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ({"service": "web"}, {"service": "web"}, True),
        ({"service": "web"}, {"service": "api"}, False),
        # Two services that use the same database still do not explain each other.
        ({"service": "web", "related": ("arn:db",)}, {"service": "api", "related": ("arn:db",)}, False),
        ({"service": "web", "related": ("arn:db",)}, {"related": ("arn:db",)}, True),
        # A service explains what happens to another that names it, e.g. as the address that it calls.
        ({"service": "web", "related": ("service/api",)}, {"service": "api"}, True),
        ({"service": "web"}, {"service": "api", "related": ("service/web",)}, False),
        # What is shared explains what happens to the services and resources that it names, and the other way round.
        ({"service": "web"}, {"related": ("arn:db", "service/web")}, True),
        ({"service": "web", "related": ("arn:task",)}, {"related": ("arn:db", "service/api")}, False),
        ({"related": ("arn:db", "service/api")}, {"service": "web", "related": ("arn:task",)}, False),
        ({"service": "web", "related": ("sg-1",)}, {"related": ("terraform", "sg-1")}, True),
        ({"service": "web", "related": ("sg-1",)}, {"related": ("terraform", "bucket")}, False),
        ({"related": ("arn:db", "service/web")}, {"related": ("service/web", "arn:edge")}, True),
        ({"related": ("arn:a",)}, {"related": ("arn:b",)}, False),
        # Where one of them names nothing, nothing speaks against it, unless both name services.
        ({"service": "web"}, {"related": ("arn:db",)}, True),
        ({"service": "web"}, {"related": ("arn:db", "service/api")}, False),
        ({"related": ("arn:db",)}, {"service": "web"}, True),
        ({"service": "web", "related": ("arn:x",)}, {}, True),
        ({}, {}, True),
        # Where both say which of a load balancer's target groups, that decides.
        (
            {"related": ("arn:lb", "arn:x:targetgroup/web/1")},
            {"service": "api", "related": ("arn:lb", "arn:x:targetgroup/api/2")},
            False,
        ),
        (
            {"related": ("arn:lb", "arn:x:targetgroup/web/1", "arn:x:targetgroup/api/2")},
            {"service": "api", "related": ("arn:x:targetgroup/api/2",)},
            True,
        ),
        ({"related": ("arn:lb", "arn:x:targetgroup/web/1")}, {"service": "api", "related": ("arn:lb",)}, True),
        ({"target": "prod"}, {}, False),
        ({"target": "prod", "related": ("sg-1",)}, {"related": ("sg-1",)}, False),
        ({"target": "prod", "service": "web"}, {"service": "web"}, False),
    ],
)
def test_what_is_about_the_same_things(one: dict[str, object], other: dict[str, object], shared: bool) -> None:
    assert shares_resources(effect("1", **one), effect("2", **other)) is shared  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "ruled_out"),
    [
        ((), (), False),
        (("dns",), (), False),
        ((), ("dns",), False),
        (("dns",), ("dns", "tls"), False),
        (("dns",), ("tls",), True),
        (("dns", "network"), ("tls", "memory"), True),
    ],
)
def test_evidence_that_rules_a_cause_out(one: tuple[str, ...], other: tuple[str, ...], ruled_out: bool) -> None:
    assert contradicts(effect("1", signs=one), effect("2", signs=other)) is ruled_out


def test_causes_are_those_declared_nearest_first_and_broken_before_unverified() -> None:
    effects = [
        effect("symptom", "near", "middle", "far", "not there"),
        effect("far"),
        effect("near", broken=False),
        effect("middle"),
        effect("other"),
    ]
    assert explain(effects) == {
        "symptom": ("middle", "far", "near"), "far": (), "near": (), "middle": (), "other": (),
    }  # fmt: skip


def test_evidence_puts_a_cause_before_those_it_says_nothing_of() -> None:
    effects = [
        effect("symptom", "silent", "unseen", "network", "unseen network", signs=("network",)),
        effect("silent"),
        effect("network", signs=("network", "refused")),
        effect("unseen", broken=False),
        effect("unseen network", broken=False, signs=("network",)),
    ]
    assert explain(effects)["symptom"] == ("network", "silent", "unseen network", "unseen")


def test_no_finding_explains_itself_but_one_check_may_explain_its_other_findings() -> None:
    effects = [effect("1", "tasks", check="tasks"), effect("2", check="tasks")]
    assert explain(effects) == {"1": ("2",), "2": ()}


def test_a_cause_that_is_declared_twice_is_named_once() -> None:
    assert explain([effect("symptom", "a", "a"), effect("a")])["symptom"] == ("a",)


def test_contradicted_and_foreign_causes_are_left_out() -> None:
    effects = [
        effect("symptom", "tls", "foreign", "dns", signs=("dns",)),
        effect("tls", signs=("tls",)),
        effect("dns", signs=("dns",)),
        effect("foreign", target="prod"),
    ]
    assert explain(effects)["symptom"] == ("dns",)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ([], ()),
        ([effect("a")], ("a",)),
        ([effect("a", "b"), effect("b", "c"), effect("c")], ("c",)),
        # Two causes of one symptom are two roots, in the given order.
        ([effect("x", "a", "b"), effect("b"), effect("a")], ("b", "a")),
        # What could not be looked at is no root, and hides none.
        ([effect("a", "b"), effect("b", broken=False)], ("a",)),
        ([effect("b", broken=False)], ()),
        # A chain through something unverified is cut there.
        ([effect("a", "b"), effect("b", "c", broken=False), effect("c")], ("a", "c")),
        # Circles: their first one stands for them, unless something outside explains them.
        ([effect("a", "b"), effect("b", "a")], ("a",)),
        ([effect("a", "b"), effect("b", "a", "c"), effect("c")], ("c",)),
        # What merely follows from a circle is not its root, wherever it stands.
        ([effect("x", "a"), effect("a", "b"), effect("b", "a")], ("a",)),
        ([effect("a", "b"), effect("b", "a"), effect("c")], ("a", "c")),
        ([effect("a", "b"), effect("b", "a"), effect("c", "d"), effect("d", "c")], ("a", "c")),
        ([effect("a", "b"), effect("b", "a"), effect("c", "b")], ("a",)),
        # Two circles, the one told between the halves of the other.
        ([effect("a", "b"), effect("c", "d"), effect("b", "a"), effect("d", "c")], ("a", "c")),
    ],
)
def test_roots(effects: list[Effect], expected: tuple[str, ...]) -> None:
    assert roots(effects) == expected


NAMES = st.sampled_from("abcdefg")


@st.composite
def findings(draw: st.DrawFn) -> list[Effect]:
    names = draw(st.lists(NAMES, unique=True, max_size=7))
    return [
        effect(
            n,
            *draw(st.lists(NAMES, max_size=3)),
            broken=draw(st.booleans()),
            service=draw(st.sampled_from(("", "web"))),
        )
        for n in names
    ]


@given(findings())
def test_every_broken_finding_is_a_root_or_follows_from_one(effects: list[Effect]) -> None:
    broken = {e.id for e in effects if e.broken}
    found = set(roots(effects))
    assert found <= broken
    causes = {k: set(v) & broken for k, v in explain(effects).items() if k in broken}
    reached = set(found)
    while more := {e for e, why in causes.items() if why & reached} - reached:
        reached |= more
    assert reached == broken
    assert {e for e, why in causes.items() if not why} <= found
