"""Fuzzing that is guided by coverage, for as long as one likes: ``make fuzz``. Hypothesis' share is in tests/test_fuzz.py.

``python -m tests.fuzz.run PARSER [libFuzzer's options]``; without a parser it prints their names. What makes one fail or
hang is left in .fuzz as a file, which ``python -m tests.fuzz.run PARSER FILE`` runs again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["checks", "fixtures", "reports"]):
    from tests.fuzz.parsers import DOCUMENTS, LINES

_HANGS_S = 20
_LONGEST = 4096
# What it begins with, where something must look right before anything interesting happens.
_SEEDS = {
    "dockerfile": "tests/corpus/dockerfiles/valid",
    "terraform": "tests/sample/ecommerce/terraform",
    "workflow": "tests/sample/ecommerce/.github/workflows",
}


def main() -> None:
    """Fuzz one parser until its time is up or it fails."""
    parsers = LINES | DOCUMENTS
    if len(sys.argv) < 2:
        print("\n".join(parsers))
        return
    name, *given = sys.argv[1:]
    parse = parsers[name]

    def one(data: bytes) -> None:
        parse(data.decode("utf-8", "surrogateescape"))

    found = Path(".fuzz") / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    # A file to run again stands for all that is known.
    known = [] if any(Path(g).is_file() for g in given) else [str(found), *([_SEEDS[name]] if name in _SEEDS else [])]
    options = [f"-timeout={_HANGS_S}", f"-max_len={_LONGEST}", f"-artifact_prefix=.fuzz/{name}-"]
    atheris.Setup([sys.argv[0], *options, *given, *known], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
