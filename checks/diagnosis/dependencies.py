"""Dependencies: whether the next build installs the versions of the last one, and whether it can install them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checks.diagnosis.places import Problem, over_files
from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Manifest

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Options of a requirement (--hash=…) and comments, as pip tells them from the requirement.
_OPTIONS = re.compile(r"\s+--?[a-z].*$|(?:^|\s+)#.*$")
# Direct references, which name what they install.
_DIRECT = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|\.{0,2}/|[\w./-]+\.(?:whl|tar\.gz|zip)(?:$|\s|#))", re.IGNORECASE)
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies")
# Commands that may change the lock, and what keeps to it.
_LOOSE: Mapping[str, tuple[re.Pattern[str], str]] = {
    "npm install": (re.compile(r"\bnpm\s+(?:install|i)\b(?!\s+(?:-g\b|--global\b|-[a-zA-Z]*g\b|[\w@]))"), "npm ci"),
    "yarn install": (
        re.compile(r"\byarn(?:\s+install)?(?=\s*(?:$|[&|;]|--))(?![^&|;]*(?:--frozen-lockfile|--immutable))"),
        "yarn install --immutable (--frozen-lockfile in Yarn 1)",
    ),
    "pnpm install": (
        re.compile(r"\bpnpm\s+(?:install|i)\b(?![^&|;]*--frozen-lockfile)"),
        "pnpm install --frozen-lockfile",
    ),
}

# Commands that install from a lock alone, and the locks that they know.
_STRICT: Mapping[str, tuple[re.Pattern[str], tuple[str, ...]]] = {
    "npm ci": (re.compile(r"\bnpm\s+(?:ci|clean-install)\b"), ("package-lock.json", "npm-shrinkwrap.json")),
    "yarn install": (re.compile(r"\byarn\b[^&|;]*(?:--frozen-lockfile|--immutable)"), ("yarn.lock",)),
    "pnpm install": (re.compile(r"\bpnpm\s+(?:install|i)\b[^&|;]*--frozen-lockfile"), ("pnpm-lock.yaml",)),
}


def judge(manifests: Sequence[Manifest]) -> Verdict:
    """All dependencies are pinned, by ``==`` or by a lock that the build keeps to, and lists and locks agree."""
    wrong = [p for m in manifests for p in problems(m)]
    return over_files(
        wrong,
        subject=f"{len(manifests)} lists of dependencies",
        fine="all versions are fixed",
        expected="every dependency pinned with == or by a lock file",
        names={"dockerfile": ""},
    )


def problems(manifest: Manifest) -> list[Problem]:
    """Everything in a list of dependencies that lets versions drift, or that no installer accepts."""
    if manifest.kind == "requirements":
        return _requirements(manifest)
    if manifest.kind == "package":
        return _package(manifest)
    return _project(manifest)


# -- Python -------------------------------------------------------------------------------------------------------


def requirement_lines(text: str) -> list[tuple[int, str]]:
    """Line number and text of each requirement; options, includes and comments left out, continued lines joined."""
    found, pending, start = [], "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if pending else number
        stripped = line.rstrip("\r")
        if stripped.endswith("\\") and not stripped.lstrip().startswith("#"):
            pending += stripped[:-1] + " "
            continue
        whole = _OPTIONS.sub("", (pending + stripped).strip()).strip()
        pending = ""
        if whole and not whole.startswith("-"):
            found.append((start, whole))
    return found


def _requirements(manifest: Manifest) -> list[Problem]:
    found = []
    for line, text in requirement_lines(manifest.text):
        said, breaks = _unpinned(text, manifest.constrained)
        if said:
            found.append(Problem(manifest.path, line, said, "high" if breaks else None))
    return found


def _unpinned(text: str, constrained: frozenset[str]) -> tuple[str, bool]:
    """What is wrong with a requirement, "" if nothing; and whether pip refuses it."""
    if _DIRECT.match(text) or "${" in text:
        return "", False
    wanted = _requirement(text)
    if isinstance(wanted, str):
        return f"pip refuses {text!r}: {wanted}", True
    from packaging.utils import canonicalize_name

    if wanted.url or is_exact(wanted) or canonicalize_name(wanted.name) in constrained:
        return "", False
    return f"{wanted.name}{wanted.specifier} is not pinned with ==", False


def _requirement(text: str) -> Requirement | str:
    """A requirement, or why pip refuses it."""
    # Only checks of images need it, while its patterns take as long to compile as all of ours together.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(text)
    except InvalidRequirement as e:
        return str(e).splitlines()[0]


def is_exact(wanted: Requirement) -> bool:
    """Whether a requirement allows a single version."""
    return any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in wanted.specifier)


def _project(manifest: Manifest) -> list[Problem]:
    try:
        content = tomllib.loads(manifest.text)
    except tomllib.TOMLDecodeError as e:
        return [Problem(manifest.path, 0, f"it is not TOML: {e}", "high")]
    if manifest.lock:
        return _unsent_lock(manifest)
    loose = _loose_in_pipfile(content) if manifest.kind == "pipfile" else _loose_in_project(content)
    if not loose:
        return []
    return [Problem(manifest.path, 0, f"no lock file, and {loose[0]} is not pinned")]


def _loose_in_project(content: Mapping[str, Any]) -> list[str]:
    """Dependencies of a pyproject.toml that are not pinned: of PEP 621, or in Poetry's own table."""
    found = []
    for text in _section(content, "project").get("dependencies", ()):
        wanted = _requirement(str(text))
        if not isinstance(wanted, str) and not is_exact(wanted) and not wanted.url:
            found.append(wanted.name)
    poetry = _section(_section(_section(content, "tool"), "poetry"), "dependencies")
    return found + [n for n, v in poetry.items() if n != "python" and _is_loose(v)]


def _loose_in_pipfile(content: Mapping[str, Any]) -> list[str]:
    return [n for n, v in _section(content, "packages").items() if _is_loose(v)]


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _is_loose(version: Any) -> bool:
    """Whether a version of Poetry or Pipenv allows more than one: a bare ``1.2.3`` is exact."""
    if isinstance(version, dict):
        return (
            "git" not in version
            and "path" not in version
            and "url" not in version
            and _is_loose(version.get("version"))
        )
    return not re.match(r"^(?:==)?\s*\d[\w.+-]*$", str(version or ""))


# -- Node ---------------------------------------------------------------------------------------------------------


def _package(manifest: Manifest) -> list[Problem]:
    try:
        content = json.loads(manifest.text)
    except ValueError as e:
        return [Problem(manifest.path, getattr(e, "lineno", 0), f"it is not JSON: {e}", "high")]
    wanted = {n: v for g in _GROUPS for n, v in _section(content, g).items()} if isinstance(content, dict) else {}
    if not wanted:
        return []
    clean = any(re.search(r"\bnpm\s+(?:ci|clean-install)\b", i) for i in manifest.installs)
    if not manifest.lock:
        said = "no lock file, without which npm ci refuses to run" if clean else "no lock file beside it"
        return [Problem(manifest.path, 0, said, "high" if clean else None)]
    if foreign := _foreign_lock(manifest):
        return foreign
    return [*_unsent_lock(manifest), *_out_of_step(manifest, wanted, clean), *_loose_install(manifest)]


def _foreign_lock(manifest: Manifest) -> list[Problem]:
    """A command that installs from a lock alone, beside the lock of another package manager."""
    lock = manifest.lock.rpartition("/")[2]
    return [
        Problem(manifest.path, 0, f"{command} refuses to run: its lock is {locks[0]}, and there is only {lock}", "high")
        for command, (pattern, locks) in _STRICT.items()
        if lock not in locks and any(pattern.search(i) for i in manifest.installs)
    ]


def _out_of_step(manifest: Manifest, wanted: Mapping[str, Any], clean: bool) -> list[Problem]:
    missing = sorted(set(wanted) - manifest.locked) if manifest.locked is not None else []
    if not missing:
        return _other_ranges(manifest, wanted)
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    consequence = ": npm ci refuses to run" if clean else ""
    return [
        Problem(manifest.path, 0, f"{missing[0]}{more} not in {manifest.lock}{consequence}", "high" if clean else None)
    ]


def _other_ranges(manifest: Manifest, wanted: Mapping[str, Any]) -> list[Problem]:
    """Ranges that were changed since the lock was made: npm ci refuses to run where a locked version leaves them."""
    changed = [(n, r) for n, r in sorted(manifest.locked_ranges.items()) if n in wanted and wanted[n] != r]
    if not changed:
        return []
    name, before = changed[0]
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    said = f"it asks for {name} {wanted[name]}, and {manifest.lock} was made for {before}{more}"
    return [Problem(manifest.path, 0, said)]


def _unsent_lock(manifest: Manifest) -> list[Problem]:
    return (
        [] if manifest.lock_sent else [Problem(manifest.path, 0, f".dockerignore keeps out its lock {manifest.lock}")]
    )


def _loose_install(manifest: Manifest) -> list[Problem]:
    return [
        Problem(manifest.path, 0, f"the Dockerfile runs {name}, which may change the lock; {better} keeps to it", "low")
        for name, (pattern, better) in _LOOSE.items()
        if any(pattern.search(i) for i in manifest.installs)
    ]
