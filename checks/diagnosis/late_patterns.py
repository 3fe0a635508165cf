"""Regular expressions that are compiled for the first text that is looked at: most runs look at none."""

from __future__ import annotations

import re
from functools import cache


@cache
def pattern(expression: str) -> re.Pattern[str]:
    """The pattern of an expression, which takes capital and small letters for the same."""
    return re.compile(expression, re.IGNORECASE)
