"""Root causes: which failures explain which, going by what checks declare and the resources they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from msgspec import Struct

_SERVICE = "service/"


class Effect(Struct, frozen=True):
    """A check that did not pass, as far as causes are concerned.

    Args:
        id: the finding's id.
        check: the check's function name.
        broken: it failed (or is advisory); otherwise it could not be verified.
        declared: names of checks that would explain it.
        target: environments never explain each other.
        service: short name, or "" when it is about something shared.
        related: ids of the resources involved; services among them as ``service/<short name>``.
        signs: what the evidence points to; of one that could not be verified, what its failure would point to.
    """

    id: str
    check: str
    broken: bool
    declared: tuple[str, ...]
    target: str
    service: str
    related: tuple[str, ...]
    signs: tuple[str, ...] = ()


def shares_resources(effect: Effect, cause: Effect) -> bool:
    """Whether two findings are about the same things.

    Two services' findings only are where the effect names the other service, e.g. as the address that it calls. What is
    shared (a database, a load balancer, Terraform's state) explains what happens to the services and resources that it
    names; where either names nothing, as those do that could not look, nothing speaks against it.
    """
    if effect.target != cause.target:
        return False
    if effect.service and cause.service:
        return effect.service == cause.service or f"{_SERVICE}{cause.service}" in effect.related
    if _services(effect) & _services(cause):
        return True
    mine, theirs = _things(effect), _things(cause)
    if not mine or not theirs:
        return not (_services(effect) and _services(cause))
    groups = _target_groups(mine), _target_groups(theirs)
    # One load balancer has many target groups: where both say which, that is what they are about.
    return bool(groups[0] & groups[1] if all(groups) else mine & theirs)


def _services(effect: Effect) -> set[str]:
    own = {f"{_SERVICE}{effect.service}"} if effect.service else set()
    return own | {r for r in effect.related if r.startswith(_SERVICE)}


def _things(effect: Effect) -> set[str]:
    return {r for r in effect.related if not r.startswith(_SERVICE)}


def _target_groups(ids: Set[str]) -> set[str]:
    return {i for i in ids if ":targetgroup/" in i}


def contradicts(effect: Effect, cause: Effect) -> bool:
    """Whether the evidence rules the cause out: both say what it points to, and nothing is common."""
    return bool(effect.signs) and bool(cause.signs) and not set(effect.signs) & set(cause.signs)


def supports(effect: Effect, cause: Effect) -> bool:
    """Whether the evidence speaks for the cause: both say what it points to, and something is common."""
    return bool(set(effect.signs) & set(cause.signs))


def explain(effects: Iterable[Effect]) -> dict[str, tuple[str, ...]]:
    """For each finding that did not pass, the ids of those that would explain it directly.

    Broken ones come first, and among equals those that the evidence speaks for.
    """
    all_effects = tuple(effects)
    by_check: dict[str, list[Effect]] = {}
    for one in all_effects:
        by_check.setdefault(one.check, []).append(one)
    return {e.id: _causes(e, by_check) for e in all_effects}


def _causes(effect: Effect, by_check: dict[str, list[Effect]]) -> tuple[str, ...]:
    candidates = [c for name in effect.declared for c in by_check.get(name, ()) if c.id != effect.id]
    fitting = [c for c in candidates if shares_resources(effect, c) and not contradicts(effect, c)]
    ranked = sorted(fitting, key=lambda c: (not c.broken, not supports(effect, c)))
    return tuple(dict.fromkeys(c.id for c in ranked))


def roots(effects: Sequence[Effect]) -> tuple[str, ...]:
    """Ids of broken findings that no other broken finding explains, in the given order.

    Where findings explain each other in a circle that nothing outside explains, the first of them is its root.
    """
    broken = [e for e in effects if e.broken]
    ids = {e.id for e in broken}
    causes = {k: tuple(c for c in v if c in ids) for k, v in explain(effects).items() if k in ids}
    found: set[str] = set()
    reached: set[str] = set()
    for one in broken:
        if one.id in reached or not _begins(one.id, causes):
            continue
        found.add(one.id)
        reached |= {one.id} | _explained_by({one.id}, causes)
    return tuple(e.id for e in broken if e.id in found)


def _begins(id: str, causes: dict[str, tuple[str, ...]]) -> bool:
    """Whether nothing explains a finding but what it explains itself: it has no cause, or is on a circle of them."""
    effects = {id} | _explained_by({id}, causes)
    before: set[str] = set()
    frontier = {id}
    while frontier:
        before |= frontier
        frontier = {c for e in frontier for c in causes[e]} - before
    return before <= effects


def _explained_by(start: Set[str], causes: dict[str, tuple[str, ...]]) -> set[str]:
    reached: set[str] = set()
    frontier = set(start)
    while frontier:
        frontier = {e for e, cs in causes.items() if frontier & set(cs) and e not in reached and e not in start}
        reached |= frontier
    return reached
