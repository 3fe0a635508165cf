"""Mutation score per module, from ``mutmut results --all true`` on standard input."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable

# A mutant that never ends is noticed as well as one that fails a test.
_NOTICED = ("killed", "timeout", "segfault")
_MISSED = ("survived", "no tests", "suspicious")


def scores(lines: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Noticed and judged mutants of each module; those that were not tried do not count."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        mutant, colon, status = line.strip().partition(": ")
        if colon and "__mutmut_" in mutant:
            found[mutant.removeprefix("checks.diagnosis.").partition(".")[0]][status] += 1
    counted = {m: (sum(c[s] for s in _NOTICED), sum(c[s] for s in (*_NOTICED, *_MISSED))) for m, c in found.items()}
    return {module: (noticed, judged) for module, (noticed, judged) in counted.items() if judged}


if __name__ == "__main__":
    for module, (noticed, judged) in sorted(scores(sys.stdin).items()):
        print(f"{module}: {noticed} of {judged} mutants noticed ({100 * noticed / judged:.0f} %)")
