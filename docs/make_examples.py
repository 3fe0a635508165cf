"""Puts real output into README.md, docs/adopting.md and docs/catalogue.md: ``python docs/make_examples.py``."""

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


def target_file() -> str:
    """How the target file of the sandbox's cluster begins: what it is, its first service and its database."""
    text = run("--sandbox", "--init", "ecommerce-dev-cluster")
    head, first, *others = text.split("[[services]]")
    database = next(part for part in others[-1].split("\n\n") if part.startswith("[database]"))
    return f"{head}[[services]]{first}# …\n\n{database}".rstrip()


def fill(path: Path, text: str) -> None:
    """Put text into the block below a file's mark."""
    block = re.compile(r"(<!-- real output[^\n]*-->\n```\w+\n).*?(```\n)", re.DOTALL)
    path.write_text(block.sub(lambda m: f"{m[1]}{text}\n{m[2]}", path.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> None:
    """Rewrite the marked blocks, the role and the whole catalogue."""
    fill(ROOT / "README.md", example())
    fill(ROOT / "docs" / "adopting.md", target_file())
    role = ROOT / "docs" / "role" / "role.yaml"
    role.write_text(make_role.template(json.loads(run("--iam-policy"))), encoding="utf-8")
    (ROOT / "docs" / "catalogue.md").write_text(run("--catalogue"), encoding="utf-8")


if __name__ == "__main__":
    main()
