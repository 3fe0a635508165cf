"""What a check says of itself: severity, bullet of the guide, upstream checks, title. Refuses one that does not."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import re
from pathlib import Path

import pytest
from msgspec import Struct

from checks.guide import GUIDE, Bullet, Guide, GuideError
from fixtures.selection import EVERY, RUN
from fixtures.target import Target
from reports.finding import SEVERITIES
from reports.kept_guides import read_guide

_DECLARED = pytest.StashKey[dict[tuple[object, ...], "Declared"]]()
_GUIDES = pytest.StashKey[dict[Path, Guide]]()
_DEFINED = re.compile(r"^def (check_\w+)\(", re.MULTILINE)


class Declared(Struct, frozen=True):
    """What a check declares of itself.

    Args:
        severity: how grave its failure is.
        scenario: that of the guide's bullet.
        title: first line of the docstring.
        step: the step of the guide whose possibility it audits, "" for other checks.
        signs: what its failure would point to, as far as that is certain before it looked.
        causes: names of the checks that would explain its failure.
        bullet: the guide's bullet that it executes.
    """

    severity: str
    scenario: str
    title: str
    step: str
    signs: tuple[str, ...]
    causes: tuple[str, ...]
    bullet: Bullet


def require(item: pytest.Item) -> None:
    """Refuse a check without metadata: it could neither be explained nor gated.

    Raises:
        pytest.UsageError: what is missing, in one line.
    """
    if declared(item).bullet.stage == "prevention":
        item.add_marker("prevention")


def declared(item: pytest.Item) -> Declared:
    """What the check of an item declares; looked up once for all services of a target that have the same marks.

    Raises:
        pytest.UsageError: what is missing, in one line.
    """
    known = item.config.stash.setdefault(_DECLARED, {})
    marks = tuple(id(m) for m in item.own_markers if m.name != "prevention")
    key = (item.parent, getattr(item, "originalname", item.name), target_of(item).name, marks)
    if key not in known:
        known[key] = _declared(item)
    return known[key]


def _declared(item: pytest.Item) -> Declared:
    where = item.nodeid.split("[")[0]
    severity, guide, step, signs = (
        tuple(mark.args) if (mark := item.get_closest_marker(name)) else ()
        for name in ("severity", "guide", "self_audit", "points_to")
    )
    for name, found in (("severity", severity), ("guide", guide)):
        if not found:
            raise pytest.UsageError(f"{where}: a check needs @pytest.mark.{name}")
    if severity[0] not in SEVERITIES:
        raise pytest.UsageError(f"{where}: severity is one of {', '.join(SEVERITIES)}")
    title = (inspect.getdoc(getattr(item, "function", None)) or "").strip()
    if not title:
        raise pytest.UsageError(f"{where}: a check needs a docstring; its first line is the title")
    return Declared(
        severity=str(severity[0]),
        scenario=str(guide[0]),
        title=title.splitlines()[0],
        step=str(step[0]) if step else "",
        signs=signs,
        causes=tuple(name for mark in item.iter_markers("caused_by") for name in mark.args),
        bullet=_bullet_of(item, *guide),
    )


def target_of(item: pytest.Item) -> Target:
    """The target that an item judges."""
    run = item.config.stash[RUN]
    name = _parameter(item, "target_name")
    return run.environments[name].target if name else run.targets[0]


def service_of(item: pytest.Item) -> str:
    """Short name of the service that an item judges, "" for something shared."""
    name = _parameter(item, "service_name")
    return "" if name == EVERY else name


def _parameter(item: pytest.Item, name: str) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get(name, "")) if callspec else ""


def _bullet_of(item: pytest.Item, *names: str) -> Bullet:
    own = target_of(item).guide
    if own:
        # A user's own guide may be shorter than ours.
        with contextlib.suppress(GuideError):
            return _guide(item.config, Path(own)).bullet(*names)
    try:
        return _guide(item.config, GUIDE).bullet(*names)
    except GuideError as e:
        raise pytest.UsageError(f"{item.nodeid}: {e}") from None


def _guide(config: pytest.Config, path: Path) -> Guide:
    guides = config.stash.setdefault(_GUIDES, {})
    if path not in guides:
        try:
            guides[path] = read_guide(path, config.stash[RUN].kept_in)
        except GuideError as e:
            raise pytest.UsageError(str(e)) from None
    return guides[path]


def known_checks(root: Path) -> tuple[str, ...]:
    """Names of all checks in the checks directory, selected or not; read from the files, since a controller of
    xdist workers collects nothing.
    """
    files = sorted((root / "checks").glob("check_*.py"))
    return tuple(n for f in files for n in _DEFINED.findall(f.read_text(encoding="utf-8", errors="replace")))


def nearest(name: str, known: tuple[str, ...]) -> str:
    """``; did you mean 'check_x'?`` or ""."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
