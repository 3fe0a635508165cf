"""Dependencies: whether the next build installs the versions of the last one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Manifest

_NOT_A_REQUIREMENT = ("#", "-r", "-c", "-e", "--", "git+", "http://", "https://")
_PINNED = re.compile(r"^[A-Za-z0-9][\w.\-\[\], ]*\s*(?:===?)\s*[^\s*,;]+(?!\.\*)")


def problems(manifest: Manifest) -> list[tuple[int, str]]:
    """Line and words for everything that lets versions drift."""
    if manifest.kind == "requirements":
        return _requirements(manifest)
    if manifest.kind == "package":
        return _package(manifest)
    if manifest.kind == "pyproject" and "dependencies" not in manifest.text:
        return []
    return [] if manifest.lock else [(0, f"no lock file beside {manifest.path.rsplit('/', 1)[-1]}")]


def _requirements(manifest: Manifest) -> list[tuple[int, str]]:
    found = []
    lines = manifest.text.replace("\\\n", " \n").splitlines()
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith(_NOT_A_REQUIREMENT) or " @ " in line:
            continue
        if not _PINNED.match(line.split(" #")[0]) or ("==" in line and line.split("==")[1].strip().startswith("*")):
            found.append((number, f"{line.split(' #')[0].strip()} is not pinned with =="))
    return found


def _package(manifest: Manifest) -> list[tuple[int, str]]:
    try:
        content = json.loads(manifest.text)
    except ValueError as e:
        return [(getattr(e, "lineno", 0), f"it is not JSON: {e}")]
    if not content.get("dependencies") and not content.get("devDependencies"):
        return []
    if not manifest.lock:
        return [(0, "no package-lock.json (or yarn, pnpm lock) beside it")]
    installs = [i for i in manifest.installs if re.search(r"\bnpm (?:install|i)\b(?!\s+-g)", i)]
    if installs and not any("npm ci" in i for i in manifest.installs):
        return [(0, "the Dockerfile runs npm install, which may change the lock; npm ci keeps to it")]
    return []


def judge(manifests: Sequence[Manifest]) -> Verdict:
    """All dependencies are pinned, by == or by a lock that the Dockerfile keeps to."""
    wrong = [(m.path, line, words) for m in manifests for line, words in problems(m)]
    first = wrong[0] if wrong else None
    return Verdict(
        ok=not wrong,
        resource=first[0] if first else "dependencies",
        name=first[0] if first else f"{len(manifests)} lists of dependencies",
        observed=f"{first[2]}" + (f" (line {first[1]})" if first[1] else "") if first else "they are pinned",
        expected="every dependency pinned with == or by a lock file",
        evidence=tuple(f"{path}:{line}: {words}" if line else f"{path}: {words}" for path, line, words in wrong),
        locations=tuple(f"{path}:{max(1, line)}" for path, line, _ in wrong),
        related=("build",),
        names={"file": first[0] if first else ""},
    )
