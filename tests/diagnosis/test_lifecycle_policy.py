"""ECR's lifecycle policies: what it would refuse, and what they would delete of what is needed."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from checks.diagnosis import lifecycle_policy
from fixtures.model.registry import Repository, StoredImage

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def rule(priority: int = 1, action: str = "expire", **selection: Any) -> dict[str, Any]:
    given = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2}
    return {"rulePriority": priority, "selection": given | selection, "action": {"type": action}}


def policy(*rules: dict[str, Any]) -> str:
    return json.dumps({"rules": rules})


def image(digest: str, days: float, *tags: str, index: bool = False) -> StoredImage:
    return StoredImage(digest, tags, NOW - dt.timedelta(days=days), index)


UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
PREFIX = {"tagStatus": "tagged", "tagPrefixList": ["v"]}
IMAGES = (image("new", 1, "v3"), image("mid", 5, "v2"), image("old", 9, "v1"), image("loose", 10))


@pytest.mark.parametrize(
    "text",
    [
        policy(rule()),
        policy(rule(**UNTAGGED)),
        policy(rule(1, **UNTAGGED), rule(2)),
        policy(rule(**PREFIX)),
        policy(rule(tagStatus="tagged", tagPatternList=["v*.*"])),
        policy(rule(action="transition", countType="sinceImagePulled", countUnit="days")),
    ],
)
def test_policies_that_ecr_takes(text: str) -> None:
    assert lifecycle_policy.problems(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not JSON"),
        ('{"rules": []}', "has no rules"),
        ('{"rules": [1]}', "has no rules"),
        ('{"rules": [{"rulePriority": 1, "selection": null, "action": {"type": "expire"}}]}', "are objects"),
        ('{"rules": [{"rulePriority": 1, "selection": {}, "action": "expire"}]}', "are objects"),
        (policy(rule(tagStatus="tagged", tagPrefixList="v")), "lists of texts"),
        (policy(rule(tagStatus="tagged", tagPatternList=[1])), "lists of texts"),
        (policy(rule(countNumber=True)), "countNumber is a whole number"),
        (policy(rule(tagStatus="some")), "tagStatus is"),
        (policy(rule(tagStatus="tagged")), "needs tagPrefixList or tagPatternList"),
        (policy(rule(tagStatus="tagged", tagPrefixList=["a"], tagPatternList=["b"])), "needs tagPrefixList"),
        (policy(rule(tagStatus="untagged", tagPrefixList=["a"])), "takes no tagPrefixList"),
        (policy(rule(tagStatus="tagged", tagPatternList=["*a*b*c*d*"])), "at most 4 wildcards"),
        (policy(rule(countType="many")), "countType is one of"),
        (policy(rule(countType="sinceImagePushed")), "needs countUnit days"),
        (policy(rule(countUnit="days")), "takes no countUnit"),
        (policy(rule(countNumber=0)), "countNumber is a whole number"),
        (policy(rule(action="delete")), "action type is"),
        (policy(rule(0)), "every rulePriority"),
        (policy(rule(1, **UNTAGGED), rule(1)), "the same rulePriority"),
        (policy(rule(1), rule(2, **UNTAGGED)), "must have the largest rulePriority"),
    ],
)
def test_policies_that_ecr_refuses(text: str, said: str) -> None:
    assert any(said in problem for problem in lifecycle_policy.problems(text)), lifecycle_policy.problems(text)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (policy(rule()), {"old", "loose"}),
        (policy(rule(countNumber=9)), set()),
        (policy(rule(**UNTAGGED)), {"loose"}),
        (policy(rule(**(UNTAGGED | {"countNumber": 11}))), set()),
        (policy(rule(1, **UNTAGGED), rule(2, countNumber=1)), {"loose", "mid", "old"}),
        (policy(rule(1, **PREFIX), rule(2, countNumber=1)), {"old"}),
        (policy(rule(tagStatus="tagged", tagPrefixList=["w"], countNumber=1)), set()),
        (policy(rule(action="transition", countNumber=1)), set()),
        (policy(rule(countType="sinceImagePulled", countUnit="days", countNumber=1)), set()),
    ],
)
def test_what_a_policy_expires(text: str, gone: set[str]) -> None:
    assert lifecycle_policy.expired(text, IMAGES, NOW) == gone


def test_all_of_the_prefixes_must_fit() -> None:
    both = policy(rule(tagStatus="tagged", tagPrefixList=["v", "prod"], countNumber=1))
    images = (image("a", 1, "v1", "prod-1"), image("b", 2, "v2", "prod-2"), image("c", 3, "v3"))

    assert lifecycle_policy.expired(both, images, NOW) == {"b"}


@pytest.mark.parametrize(
    ("text", "needed", "ok", "severity"),
    [
        (None, (), False, None),
        (policy(rule()), ("new", "mid"), True, None),
        (policy(rule()), ("old",), False, "high"),
        (policy(rule()), ("elsewhere",), True, None),
        ("{", ("new",), False, None),
    ],
)
def test_a_policy_spares_what_is_needed(
    text: str | None, needed: tuple[str, ...], ok: bool, severity: str | None
) -> None:
    verdict = lifecycle_policy.judge(Repository("shop", text, IMAGES), needed, NOW)

    assert bool(verdict) is ok
    assert verdict.severity == severity


@pytest.mark.parametrize(
    ("images", "ok"),
    [
        ((image("list", 1, "v1", index=True), image("part", 30)), True),
        ((image("single", 1, "v1"), image("part", 30)), False),
        ((image("list", 30, index=True), image("part", 30)), False),
    ],
    ids=["an index stays", "no index", "the index goes, too"],
)
def test_parts_of_an_index_stay_with_it(images: tuple[StoredImage, ...], ok: bool) -> None:
    assert bool(lifecycle_policy.judge(Repository("shop", policy(rule(**UNTAGGED)), images), ["part"], NOW)) is ok


def test_a_tagged_image_is_no_part_of_an_index() -> None:
    images = (image("list", 1, "v2", index=True), image("single", 30, "v1"))

    assert not lifecycle_policy.judge(Repository("shop", policy(rule(countNumber=1)), images), ["single"], NOW)
