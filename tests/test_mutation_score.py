from __future__ import annotations

import runpy
from pathlib import Path

LINES = """
    checks.diagnosis.verdict.x_worst__mutmut_1: killed
    checks.diagnosis.verdict.x_worst__mutmut_2: survived
    checks.diagnosis.causes.x_roots__mutmut_1: timeout
    checks.diagnosis.causes.x_roots__mutmut_2: no tests
    checks.diagnosis.causes.x_roots__mutmut_3: not checked
    checks.diagnosis.trail.x_judge__mutmut_1: not checked
something else: killed
"""


def test_mutants_that_were_not_tried_do_not_count() -> None:
    scores = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "mutation_score.py"))["scores"]
    assert scores(LINES.split("\n")) == {"verdict": (1, 2), "causes": (1, 2)}
