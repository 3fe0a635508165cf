"""Pages to look at: reports of real runs in the sandbox, and of runs over checks that were made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fixtures.sandbox.server import World
from tests.harness import Judged, run_checks

_CHECKS = '''
"""Made up for a test. PYTEST_DONT_REWRITE"""
import pytest
from checks.diagnosis.verdict import Verdict
from fixtures.errors import Unavailable

HOSTILE = {hostile!r}


@pytest.mark.parametrize("n", range({number}))
@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "service events")
def check_made_up(n, target):
    """Something holds."""
    text = HOSTILE[n % len(HOSTILE)]
    if n % 10 == 9:
        raise Unavailable(text, "error", text, text)
    print(text)
    lines = tuple(f"{{n}}.{{m}} {{text}}" for m in range({lines}))
    severity = ("critical", "high", "medium", "low")[n % 4]
    verdict = Verdict(
        ok=n % 5 == 3, resource=text, name=f"{{n}} {{text}}", observed=text, expected=text, evidence=lines, severity=severity,
        likely_cause=text, commands=(f"echo {{text}}",) * 3, locations=(text,), signs=(text,), related=(text,), names={{"service": text}},
    )
    assert verdict, verdict.explain()
'''

_OWN = '''
import pytest
{more}

@pytest.mark.severity("high")
@pytest.mark.guide("ecs", "service events")
def check_mine({asks}) -> None:
    """Mine."""
    assert {holds}, "not so"
'''
_ROOMS = ("fixtures.selection", "fixtures.plugin", "fixtures.handing", "reports.plugin", "reports.catalogue")


def made_up(
    world: World, directory: Path, hostile: Sequence[str], number: int, lines: int = 3, *arguments: str
) -> Judged:
    """A run over so many checks that say such things; its reports are in ``directory/out``."""
    path = directory / "check_made_up.py"
    path.write_text(
        _CHECKS.format(hostile=tuple(hostile), number=number, lines=lines), encoding="utf-8", errors="surrogatepass"
    )
    return _run(world, path, *arguments)


def own_check(
    world: World,
    directory: Path,
    *options: str,
    asks: str = "",
    holds: str = "True",
    more: str = "",
    plugins: Sequence[object] = (),
) -> Judged:
    """A run over one check, ``check_mine``, that asks for these facts; its reports are in ``directory/out``.

    Args:
        holds: what it asserts.
        more: what stands before it in its file.
    """
    # Of its own name: each stays imported.
    path = directory / f"check_{directory.name}.py"
    path.write_text(_OWN.format(asks=asks, holds=holds, more=more), encoding="utf-8")
    return _run(world, path, *options, plugins=plugins)


def _run(world: World, path: Path, *options: str, plugins: Sequence[object] = ()) -> Judged:
    """Outside of this project, whose conftest.py is not read there."""
    given = [a for name in _ROOMS for a in ("-p", name)]
    return run_checks(world, *given, "--out", str(path.parent / "out"), str(path), *options, plugins=plugins)
