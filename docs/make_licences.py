"""The licence of each package in requirements.lock: ``python docs/make_licences.py`` writes docs/licences.md."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HEAD = """\
# Licences

What `requirements.lock` installs, as each package declares it (`make licences`). All may be used beside a proprietary
system. hadolint is under the GPL: it is run as a program of its own, as a shell would run it, and nothing links to it.

| package | licence |
|---|---|
"""


def needed() -> set[str]:
    """Names in requirements.lock, normalised as PEP 503 wants."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {_plain(found[1]) for line in lines if (found := re.match(r"([A-Za-z0-9][\w.-]*)==", line))}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, str]:
    """The licence of every package in this environment."""
    made = subprocess.run(  # noqa: S603
        [Path(sys.executable).with_name("pip-licenses"), "--format=json", "--from=mixed", "--with-system"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {_plain(one["Name"]): " ".join(one["License"].split())[:80] for one in json.loads(made.stdout)}


def main() -> None:
    """Write the table."""
    known = declared()
    # Packages for other systems (colorama on Windows) are locked, but not installed here.
    rows = [f"| {name} | {known.get(name, 'not installed on this system')} |" for name in sorted(needed())]
    (ROOT / "docs" / "licences.md").write_text(_HEAD + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
