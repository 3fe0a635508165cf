"""ECR lifecycle policies: whether ECR would accept them, and what they would delete."""

from __future__ import annotations

import datetime as dt
import fnmatch
import json
from collections.abc import Mapping, Sequence
from typing import Any

from checks.diagnosis.verdict import Verdict
from fixtures.model.registry import Repository, StoredImage

_COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_MOST_WILDCARDS = 4


def problems(text: str) -> list[str]:
    """Why ECR would refuse a policy (User Guide, "Lifecycle policy parameters"); empty for a valid one."""
    try:
        rules = json.loads(text)["rules"]
    except (ValueError, KeyError, TypeError):
        return ["it is not JSON with a list of rules"]
    if not isinstance(rules, list) or not rules or not all(isinstance(r, dict) for r in rules):
        return ["it has no rules"]
    found = [p for rule in rules for p in _rule_problems(rule)]
    return found + _order_problems(rules)


def _rule_problems(rule: Mapping[str, Any]) -> list[str]:
    name = f"rule {rule.get('rulePriority', '?')}"
    selection, action = rule.get("selection"), rule.get("action")
    if not isinstance(selection, dict) or not isinstance(action, dict):
        return [f"{name}: selection and action are objects"]
    status = selection.get("tagStatus")
    lists = [k for k in ("tagPrefixList", "tagPatternList") if selection.get(k)]
    found = []
    if status not in ("tagged", "untagged", "any"):
        found.append(f"{name}: tagStatus is tagged, untagged or any")
    if status == "tagged" and len(lists) != 1:
        found.append(f"{name}: tagged needs tagPrefixList or tagPatternList")
    if status in ("untagged", "any") and lists:
        found.append(f"{name}: {status} takes no {lists[0]}")
    patterns = [selection.get(k) or [] for k in ("tagPrefixList", "tagPatternList")]
    if not all(isinstance(p, list) and all(isinstance(t, str) for t in p) for p in patterns):
        found.append(f"{name}: tagPrefixList and tagPatternList are lists of texts")
    elif any(p.count("*") > _MOST_WILDCARDS for p in patterns[1]):
        found.append(f"{name}: at most {_MOST_WILDCARDS} wildcards in a pattern")
    return found + _count_problems(name, selection, action)


def _count_problems(name: str, selection: Mapping[str, Any], action: Mapping[str, Any]) -> list[str]:
    kind, number = selection.get("countType"), selection.get("countNumber")
    found = []
    if kind not in _COUNT_TYPES:
        found.append(f"{name}: countType is one of {', '.join(_COUNT_TYPES)}")
    elif kind != "imageCountMoreThan" and selection.get("countUnit") != "days":
        found.append(f"{name}: {kind} needs countUnit days")
    elif kind == "imageCountMoreThan" and "countUnit" in selection:
        found.append(f"{name}: imageCountMoreThan takes no countUnit")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        found.append(f"{name}: countNumber is a whole number from 1")
    if action.get("type") not in ("expire", "transition"):
        found.append(f"{name}: action type is expire or transition")
    return found


def _order_problems(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    priorities = [r.get("rulePriority") for r in rules]
    if not all(isinstance(p, int) and p >= 1 for p in priorities):
        return ["every rulePriority is a whole number from 1"]
    found = ["two rules have the same rulePriority"] if len(set(priorities)) < len(priorities) else []
    for rule in rules:
        selection = rule.get("selection")
        is_any = isinstance(selection, dict) and selection.get("tagStatus") == "any"
        if is_any and rule["rulePriority"] != max(priorities):  # type: ignore[type-var]
            found.append(f"rule {rule['rulePriority']}: a rule for any image must have the largest rulePriority")
    return found


def expired(text: str, images: Sequence[StoredImage], now: dt.datetime) -> set[str]:
    """Digests that a valid policy would expire now; an image belongs to the first rule that selects it."""
    rules = sorted(json.loads(text)["rules"], key=lambda r: r["rulePriority"])
    left = sorted(images, key=lambda i: i.pushed_at, reverse=True)
    gone: set[str] = set()
    for rule in rules:
        selected = [i for i in left if _selects(rule["selection"], i)]
        if rule["action"]["type"] == "expire":
            gone |= {i.digest for i in _beyond(rule["selection"], selected, now)}
        left = [i for i in left if i not in selected]
    return gone


def _selects(selection: Mapping[str, Any], image: StoredImage) -> bool:
    status = selection["tagStatus"]
    if status == "any":
        return True
    if status == "untagged":
        return not image.tags
    patterns = [*selection.get("tagPatternList", ()), *(f"{p}*" for p in selection.get("tagPrefixList", ()))]
    # Every prefix or pattern of the list must match one of the image's tags.
    return bool(image.tags) and all(any(fnmatch.fnmatchcase(t, p) for t in image.tags) for p in patterns)


def _beyond(selection: Mapping[str, Any], images: Sequence[StoredImage], now: dt.datetime) -> list[StoredImage]:
    if selection["countType"] == "imageCountMoreThan":
        return list(images[selection["countNumber"] :])
    if selection["countType"] == "sinceImagePushed":
        limit = now - dt.timedelta(days=selection["countNumber"])
        return [i for i in images if i.pushed_at < limit]
    # Pull times are not known here.
    return []


def doomed_of(repository: Repository, needed: Sequence[str], now: dt.datetime) -> list[str]:
    """Those of the needed digests that a valid policy would expire now.

    ECR keeps the parts of an index for as long as the index itself, and they have no tags: beside an index that stays,
    an untagged image may be one of them, and gets the benefit of the doubt.
    """
    assert repository.policy is not None
    gone = expired(repository.policy, repository.images, now)
    index_stays = any(i.index and i.digest not in gone for i in repository.images)
    parts = {i.digest for i in repository.images if not i.tags and not i.index} if index_stays else set()
    return sorted((gone & set(needed)) - parts)


def judge(repository: Repository, needed: Sequence[str], now: dt.datetime) -> Verdict:
    """A repository has a valid lifecycle policy that spares what runs and what would start next.

    Args:
        needed: digests of the images that tasks run, and of those that the service's revision names.
    """
    wrong = problems(repository.policy) if repository.policy is not None else []
    doomed: list[str] = []
    if repository.policy is not None and not wrong:
        doomed = doomed_of(repository, needed, now)
    if repository.policy is None:
        observed = f"no lifecycle policy, {len(repository.images)} images are kept for ever"
    elif wrong:
        observed = f"its lifecycle policy is not valid: {wrong[0]}"
    elif doomed:
        observed = f"its lifecycle policy expires {len(doomed)} of the images that tasks run or would start with"
    else:
        observed = "a valid lifecycle policy"
    return Verdict(
        ok=repository.policy is not None and not wrong and not doomed,
        resource=f"repository/{repository.name}",
        name=repository.name,
        observed=observed,
        expected="a valid lifecycle policy that spares what runs",
        evidence=(*wrong, *doomed),
        severity="high" if doomed else None,
        likely_cause="a task that must be replaced could not pull its image" if doomed else "",
        names={"repository": repository.name},
    )
