"""What a check says of itself: severity, bullet of the guide, upstream checks, title. Refuses one that does not."""

from __future__ import annotations

import difflib
import inspect
import re
from pathlib import Path

import pytest

from checks.guide import GUIDE, Bullet, Guide, GuideError, load_guide
from fixtures.plugin import EVERY, RUN
from fixtures.target import Target
from reports.finding import SEVERITIES

_GUIDES = pytest.StashKey[dict[str, Guide]]()
_DEFINED = re.compile(r"^def (check_\w+)\(", re.MULTILINE)


def require(item: pytest.Item) -> None:
    """Refuse a check without metadata: it could neither be explained nor gated.

    Raises:
        pytest.UsageError: what is missing, in one line.
    """
    where = item.nodeid.split("[")[0]
    for name in ("severity", "guide"):
        if item.get_closest_marker(name) is None:
            raise pytest.UsageError(f"{where}: a check needs @pytest.mark.{name}")
    if severity_of(item) not in SEVERITIES:
        raise pytest.UsageError(f"{where}: severity is one of {', '.join(SEVERITIES)}")
    if not title_of(item):
        raise pytest.UsageError(f"{where}: a check needs a docstring; its first line is the title")
    if bullet_of(item).stage == "prevention":
        item.add_marker("prevention")


def severity_of(item: pytest.Item) -> str:
    """The declared severity."""
    mark = item.get_closest_marker("severity")
    return str(mark.args[0]) if mark and mark.args else ""


def scenario_of(item: pytest.Item) -> str:
    """The scenario of the guide's bullet."""
    mark = item.get_closest_marker("guide")
    return str(mark.args[0]) if mark and mark.args else ""


def title_of(item: pytest.Item) -> str:
    """First line of the docstring."""
    text = (inspect.getdoc(getattr(item, "function", None)) or "").strip()
    return text.splitlines()[0] if text else ""


def step_of(item: pytest.Item) -> str:
    """The step of the guide whose possibility a check audits, "" for other checks."""
    mark = item.get_closest_marker("self_audit")
    return str(mark.args[0]) if mark and mark.args else ""


def signs_of(item: pytest.Item) -> tuple[str, ...]:
    """What a check's failure would point to, as far as that is certain before it looked."""
    mark = item.get_closest_marker("points_to")
    return tuple(mark.args) if mark else ()


def declared_causes(item: pytest.Item) -> tuple[str, ...]:
    """Names of the checks that would explain this one's failure."""
    return tuple(name for mark in item.iter_markers("caused_by") for name in mark.args)


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


def bullet_of(item: pytest.Item) -> Bullet:
    """The guide's bullet that a check executes.

    Raises:
        pytest.UsageError: neither the target's guide nor ours has it.
    """
    mark = item.get_closest_marker("guide")
    assert mark is not None
    try:
        return _guide(item.config, target_of(item)).bullet(*mark.args)
    except GuideError:
        # A user's own guide may be shorter than ours.
        try:
            return load_guide().bullet(*mark.args)
        except GuideError as e:
            raise pytest.UsageError(f"{item.nodeid}: {e}") from None


def _guide(config: pytest.Config, target: Target) -> Guide:
    guides = config.stash.setdefault(_GUIDES, {})
    path = target.guide or str(GUIDE)
    if path not in guides:
        try:
            guides[path] = load_guide(Path(path))
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
