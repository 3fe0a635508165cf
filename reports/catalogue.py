"""What is checked: the guide's bullets with the checks that execute them; also the IAM policy for a selection.

Both are printed instead of running (``--catalogue``, ``--iam-policy``), from the collection alone.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Generator, Sequence
from typing import Any

import pytest
from msgspec import Struct

from checks.guide import Bullet, Guide, load_guide
from fixtures.policy import actions, as_json, policy, remarks
from fixtures.run import facts_of
from fixtures.selection import RUN, is_check
from reports.metadata import declared

_STAGES = ("symptom", "diagnosis", "resolution", "prevention")


class Entry(Struct, frozen=True):
    """One check as the catalogue lists it."""

    check: str
    title: str
    severity: str
    bullet: Bullet
    actions: tuple[str, ...]


def entries(items: Sequence[pytest.Item]) -> list[Entry]:
    """Each check once, in the order of collection."""
    found: dict[str, Entry] = {}
    for item in items:
        if is_check(item) and isinstance(item, pytest.Function):
            found.setdefault(item.originalname, _entry(item))
    return list(found.values())


def _entry(item: pytest.Function) -> Entry:
    found = declared(item)
    asked = tuple(a for a in actions(facts_of(item.fixturenames)) if a not in ("sts:GetCallerIdentity",))
    return Entry(item.originalname, found.title, found.severity, found.bullet, asked)


def as_markdown(guide: Guide, listed: Sequence[Entry]) -> str:
    """The catalogue, one table for each scenario."""
    lines = [
        "# Catalogue",
        "",
        "Every bullet of the guide and the checks that execute it. Made by `pytest --catalogue`; do not edit.",
    ]
    for scenario, title in guide.titles.items():
        lines += [
            "",
            f"## {scenario}: {title}",
            "",
            "| stage | bullet | check | severity | IAM actions |",
            "|---|---|---|---|---|",
        ]
        bullets = [b for b in guide.bullets if b.scenario == scenario]
        for bullet in sorted(bullets, key=lambda b: _STAGES.index(b.stage)):
            lines += _rows(bullet, [e for e in listed if e.bullet == bullet])
    return "\n".join(lines) + "\n"


def _rows(bullet: Bullet, own: Sequence[Entry]) -> list[str]:
    start = f"| {bullet.stage} | {bullet.key} |"
    if not own:
        return [f"{start} *{_unchecked(bullet)}* | | |"]
    return [
        f"{start} `{e.check}`: {e.title} | {e.severity} | {', '.join(f'`{a}`' for a in e.actions) or 'none'} |"
        for e in own
    ]


def _unchecked(bullet: Bullet) -> str:
    if bullet.not_observable:
        return f"not observable: {bullet.not_observable}"
    return "what to do, shown with each failure" if bullet.stage == "resolution" else "NO CHECK"


# -- hooks ------------------------------------------------------------------------------------------------------


def _prints(config: pytest.Config) -> bool:
    return bool(config.option.iam_policy or config.option.catalogue)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """What is printed may be piped into a file: pytest's own words stay out of it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if _prints(config) and reporter is not None:
        reporter._tw._file = io.StringIO()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Print instead of running."""
    if not _prints(session.config):
        return (yield)
    checks = [i for i in session.items if is_check(i)]
    session.items.clear()
    capture: Any = session.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        if session.config.option.catalogue:
            print(as_markdown(load_guide(), entries(checks)), end="")
        else:
            print(_policies(session.config, checks))
    yield
    return True


def _policies(config: pytest.Config, checks: Sequence[pytest.Item]) -> str:
    run = config.stash[RUN]
    facts = dict.fromkeys(n for i in checks for n in facts_of(getattr(i, "fixturenames", ())))
    probe = run.options.exec_probe
    for target in run.targets:
        # What is piped into a file must stay a policy document.
        for remark in remarks(facts, target, exec_probe=probe):
            print(f"note: {remark}", file=sys.stderr)
    return "\n".join(as_json(policy(facts, target, exec_probe=probe)) for target in run.targets)
