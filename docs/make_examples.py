"""Puts real output into README.md and docs/catalogue.md: ``python docs/make_examples.py``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from docs.role import make_role

ROOT = Path(__file__).resolve().parent.parent
_EXAMPLE = ["--sandbox", "-m", "database", "--fault", "database-rule-removed", "--no-header"]


def run(*arguments: str) -> str:
    """What pytest prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=None,
    )
    return done.stdout


def example() -> str:
    """The report of one fault, from the verdict on."""
    text = run(*_EXAMPLE)
    start = text.index("SANDBOX")
    start = text.rindex("\n", 0, start) + 1
    lines = [line.rstrip() for line in text[start:].splitlines() if not line.startswith(("-----", "reports:"))]
    return "\n".join(line for line in lines if "Generated html report" not in line)


def main() -> None:
    """Rewrite the marked block of README.md and the whole catalogue."""
    readme = ROOT / "README.md"
    block = re.compile(r"(<!-- real output[^\n]*-->\n```text\n).*?(\n```)", re.DOTALL)
    text = readme.read_text(encoding="utf-8")
    readme.write_text(block.sub(lambda m: m[1] + example() + m[2], text), encoding="utf-8")
    role = ROOT / "docs" / "role" / "role.yaml"
    role.write_text(make_role.template(json.loads(run("--iam-policy"))), encoding="utf-8")
    (ROOT / "docs" / "catalogue.md").write_text(run("--catalogue"), encoding="utf-8")


if __name__ == "__main__":
    main()
