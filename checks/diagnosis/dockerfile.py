"""Dockerfiles: whether they parse, what they build on, whether what they copy is there."""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Mapping, Sequence

from checks.diagnosis.base_images import end_of_life
from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Context, Dockerfile, Instruction, Lint

# hadolint's codes for files that no builder can read; everything else it says is advice.
_SYNTAX_CODES = ("DL1000", "DL3061", "SC1072")
_VARIABLE = re.compile(r"\$\{?(\w+)(?::?-([^}]*))?\}?")


def _verdict(wrong: Sequence[tuple[str, int, str]], what: str, expected: str, count: int) -> Verdict:
    """One verdict over all files; each problem is (file, line, words)."""
    first = wrong[0] if wrong else None
    return Verdict(
        ok=not wrong,
        resource=first[0] if first else "Dockerfiles",
        name=first[0] if first else f"{count} Dockerfiles",
        observed=f"{first[2]} (line {first[1]})" if first and first[1] else first[2] if first else what,
        expected=expected,
        evidence=tuple(f"{path}:{line}: {words}" if line else f"{path}: {words}" for path, line, words in wrong),
        locations=tuple(f"{path}:{max(1, line)}" for path, line, _ in wrong),
        related=("build",),
        names={"dockerfile": first[0] if first else "Dockerfile", "file": first[0] if first else ""},
    )


def syntax(files: Sequence[Dockerfile], lints: Mapping[str, Sequence[Lint]]) -> Verdict:
    """Every Dockerfile can be read: by BuildKit's parser, and by hadolint's where that can be trusted."""
    wrong: list[tuple[str, int, str]] = []
    for one in files:
        if one.error:
            wrong.append((one.path, one.error_line, one.error))
        elif not one.instructions:
            wrong.append((one.path, 0, "it is empty"))
        elif not any(i.name == "FROM" for i in one.instructions):
            wrong.append((one.path, 0, "it has no FROM"))
        else:
            wrong += [(one.path, x.line, f"{x.code} {x.message}") for x in _unreadable(one, lints.get(one.path, ()))]
    return _verdict(wrong, "they can be read", "Dockerfiles that a builder can read", len(files))


def _unreadable(one: Dockerfile, lints: Sequence[Lint]) -> list[Lint]:
    # After a here-document hadolint's parser loses its way; BuildKit's does not.
    return [x for x in lints if x.code in _SYNTAX_CODES and not (x.code == "DL1000" and one.has_heredocs)]


def advice(files: Sequence[Dockerfile], lints: Mapping[str, Sequence[Lint]]) -> Verdict:
    """What hadolint would do otherwise, and images that run as root."""
    wrong = [
        (one.path, x.line, f"{x.code} {x.message}")
        for one in files
        for x in lints.get(one.path, ())
        if x.code not in _SYNTAX_CODES and x.level in ("error", "warning")
    ]
    wrong += [(one.path, 0, "it runs as root: no USER") for one in files if one.instructions and not _drops_root(one)]
    return _verdict(wrong, "nothing to improve", "hadolint's advice followed", len(files))


def _drops_root(one: Dockerfile) -> bool:
    last = max((n for n, i in enumerate(one.instructions) if i.name == "FROM"), default=0)
    users = [i.args[0] for i in one.instructions[last:] if i.name == "USER" and i.args]
    return bool(users) and users[-1].split(":")[0] not in ("root", "0")


def bases(one: Dockerfile) -> list[tuple[Instruction, str]]:
    """Images that the stages build on, ARG defaults filled in; earlier stages and scratch are none."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    found = []
    for instruction in one.instructions:
        if instruction.name == "ARG" and instruction.args:
            name, _, default = instruction.args[0].partition("=")
            arguments[name] = default.strip("\"'")
        if instruction.name != "FROM" or not instruction.args:
            continue
        image = _VARIABLE.sub(lambda m: arguments.get(m[1]) or m[2] or "", instruction.args[0])
        if image.lower() not in stages and image != "scratch":
            found.append((instruction, image))
        if len(instruction.args) > 2 and instruction.args[1].lower() == "as":
            stages.add(instruction.args[2].lower())
    return found


def pinned(files: Sequence[Dockerfile]) -> Verdict:
    """Every base image has a tag other than latest, or a digest."""
    wrong = [
        (f.path, i.line, f"{image or i.args[0]} {_unpinned(image)}")
        for f in files
        for i, image in bases(f)
        if _unpinned(image)
    ]
    return _verdict(wrong, "they are pinned", "base images with a version or digest", len(files))


def _unpinned(image: str) -> str:
    if "@sha256:" in image:
        return ""
    tag = image.rpartition("/")[2].partition(":")[2]
    if not image or not tag:
        return "has no tag"
    return "is tagged latest" if tag == "latest" else ""


def supported(files: Sequence[Dockerfile], today: dt.date) -> Verdict:
    """No base image is past its end of life."""
    wrong = [(f.path, i.line, said) for f in files for i, image in bases(f) if (said := end_of_life(image, today))]
    return _verdict(wrong, "they are supported", "base images that still get security fixes", len(files))


def copied(files: Sequence[Dockerfile], contexts: Mapping[str, Context]) -> Verdict:
    """Everything that COPY and ADD take from the context is there and is sent."""
    wrong = [
        (f.path, i.line, words)
        for f in files
        for i in f.instructions
        if i.name in ("COPY", "ADD") and not i.heredoc and not any(flag.startswith("--from") for flag in i.flags)
        for words in _missing(i, contexts[f.path])
    ]
    return _verdict(wrong, "all is there", "sources that exist and are sent to the builder", len(files))


def _missing(instruction: Instruction, context: Context) -> list[str]:
    if len(instruction.args) < 2:
        return [f"{instruction.name} needs a source and a destination"]
    sources = [a for a in instruction.args[:-1] if "://" not in a and "$" not in a and not a.startswith("<<")]
    return [words for source in sources for words in [_absent(source, context)] if words]


def _absent(source: str, context: Context) -> str:
    pattern = source.removeprefix("./").strip("/")
    if pattern in ("", "."):
        return ""
    fitting = [f for f in context.files if _covers(pattern, f.path)]
    if not fitting:
        return f"{source} is not in the build context" if not context.truncated else ""
    return "" if any(f.sent for f in fitting) else f"{source} is kept out by {context.ignore_file}"


def _covers(pattern: str, path: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) >= len(wanted) and all(fnmatch.fnmatchcase(p, w) for p, w in zip(parts, wanted, strict=False))


def build_check(results: Mapping[str, tuple[int, str]]) -> Verdict:
    """``docker build --check`` finds nothing."""
    wrong = [(path, 0, _last(words)) for path, (code, words) in results.items() if code != 0]
    return _verdict(wrong, "BuildKit's checks pass", "docker build --check without findings", len(results))


def _last(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it failed without a word"
