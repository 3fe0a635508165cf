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


def made_up(
    world: World, directory: Path, hostile: Sequence[str], number: int, lines: int = 3, *arguments: str
) -> Judged:
    """A run over so many checks that say such things; its reports are in ``directory/out``."""
    path = directory / "check_made_up.py"
    path.write_text(
        _CHECKS.format(hostile=tuple(hostile), number=number, lines=lines), encoding="utf-8", errors="surrogatepass"
    )
    rooms = ("fixtures.plugin", "fixtures.handing", "reports.plugin", "reports.catalogue")
    plugins = [a for name in rooms for a in ("-p", name)]
    return run_checks(world, *plugins, "--out", str(directory / "out"), str(path), *arguments)
