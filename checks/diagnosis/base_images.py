"""What images are built on: whether it is fixed, still supported, and no larger than needed."""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
import re
from collections.abc import Mapping, Sequence

from e2b_dockerfile_utils import ShellLex
from msgspec import Struct

from checks.diagnosis.end_of_life import end_of_life, official_name, tag_of
from checks.diagnosis.places import Problem, over_files
from checks.diagnosis.verdict import Verdict
from fixtures.model.source import Dockerfile, Instruction

# ARGs that BuildKit defines by itself before the first FROM, with the values of the most common platform.
_PLATFORM: Mapping[str, str] = {
    "BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": "",
    "TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": "",
}  # fmt: skip
_VARIABLE = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<braced>\w+)(?P<more>[^}]*)\})")
# Tags that name a channel or a variant, and so move to every new release: lts, lts-alpine, slim.
_CHANNELS = frozenset("latest stable mainline lts current edge nightly rolling".split())
_VARIANTS = frozenset("alpine slim".split())
# Official images that have a small variant, and what makes a tag one.
_LARGE = frozenset("python node ruby php perl".split())
_COMPILERS = frozenset("golang rust maven gradle gcc swift haskell".split())
_SMALL = ("slim", "alpine", "distroless", "busybox", "jre")
_TOOLS = re.compile(
    r"\b(?:apt-get|apt|apk|yum|dnf|microdnf)\b[^&|;]*\b(?:install|add)\b[^&|;]*?"
    r"(?<![\w-])(?P<tool>build-essential|build-base|gcc|g\+\+|make|cmake|musl-dev)(?![\w-])"
)
_REMOVED = re.compile(r"\b(?:purge|remove|apk\s+del|erase)\b")


class Stage(Struct, frozen=True):
    """A stage of a Dockerfile.

    Args:
        image: what FROM names, defaults of ARGs filled in; "" where nothing remains.
        parent: the earlier stage that it builds on, None for an image.
        without_default: ARGs in FROM that have no default; ``undeclared`` those that are not even declared.
    """

    name: str
    written: str
    image: str
    line: int
    parent: int | None
    without_default: tuple[str, ...]
    undeclared: tuple[str, ...]
    instructions: tuple[Instruction, ...]


def stages(one: Dockerfile) -> tuple[Stage, ...]:
    """The stages of a Dockerfile, in order."""
    starts = [n for n, i in enumerate(one.instructions) if i.name == "FROM" and i.args]
    declared = _arguments(one.instructions[: starts[0]]) if starts else {}
    found: list[Stage] = []
    for begin, end in itertools.pairwise([*starts, len(one.instructions)]):
        found.append(_stage(one.instructions[begin], one.instructions[begin + 1 : end], declared, found))
    return tuple(found)


def _arguments(instructions: Sequence[Instruction]) -> dict[str, str | None]:
    """ARGs before the first FROM and their defaults; only these can be used in FROM."""
    known: dict[str, str | None] = dict(_PLATFORM)
    for text in (a for i in instructions if i.name == "ARG" for a in i.args):
        name, equals, default = text.partition("=")
        known[name] = _expanded(default, known) if equals else None
    return known


def _expanded(text: str, known: Mapping[str, str | None]) -> str:
    values = {k: v for k, v in known.items() if v is not None}
    try:
        return ShellLex("\\", env=values, skip_unset_env=False).process_word(text)
    except ValueError:
        return text


def _stage(
    start: Instruction, rest: Sequence[Instruction], declared: Mapping[str, str | None], earlier: Sequence[Stage]
) -> Stage:
    written = start.args[0]
    used = [m["plain"] or m["braced"] for m in _VARIABLE.finditer(written) if not m["more"]]
    image = _expanded(written, declared)
    names = [s.name for s in earlier]
    parent = len(names) - 1 - names[::-1].index(image.lower()) if image.lower() in names and image else None
    named = len(start.args) > 2 and start.args[1].lower() == "as"
    return Stage(
        name=start.args[2].lower() if named else "",
        written=written,
        image=image,
        line=start.line,
        parent=parent,
        without_default=tuple(u for u in used if u in declared and declared[u] is None),
        undeclared=tuple(u for u in used if u not in declared),
        instructions=tuple(rest),
    )


def images(one: Dockerfile) -> list[tuple[int, str]]:
    """Line and name of every image that is pulled: by FROM, and by ``--from`` of COPY and of mounts."""
    all_stages = stages(one)
    found = [
        (s.line, s.image)
        for s in all_stages
        if s.parent is None
        and s.image.lower() not in {"scratch", *one.named_contexts}
        and not (s.without_default or s.undeclared)
    ]
    for position, stage in enumerate(all_stages):
        names = {s.name for s in all_stages[:position] if s.name} | one.named_contexts
        found += [(line, name) for line, name in _taken(stage) if name.lower() not in names and not name.isdigit()]
    return sorted(found, key=lambda f: f[0])


def _taken(stage: Stage) -> list[tuple[int, str]]:
    """Line and name of what a stage copies or mounts from elsewhere."""
    copied = [(i.line, i.flag("from")) for i in stage.instructions if i.name == "COPY"]
    mounts = [
        (i.line, part.partition("=")[2])
        for i in stage.instructions
        if i.name == "RUN"
        for flag in i.flags
        if flag.startswith("--mount=")
        for part in flag.removeprefix("--mount=").split(",")
        if part.startswith("from=")
    ]
    return [(line, name) for line, name in (*copied, *mounts) if name and "$" not in name and name != "scratch"]


def wrong_stages(one: Dockerfile) -> list[Problem]:
    """What no builder can resolve: FROM without an image, or a stage that does not exist."""
    found = []
    all_stages = stages(one)
    for position, stage in enumerate(all_stages):
        if stage.undeclared:
            found.append(Problem(one.path, stage.line, f"FROM {stage.written}: no ARG {stage.undeclared[0]} before it"))
        names = [s.name for s in all_stages[:position] if s.name]
        found += [Problem(one.path, line, said) for line, name in _taken(stage) if (said := _astray(name, names))]
        found += [
            Problem(one.path, line, f"--from={name}: there is no earlier stage {name}")
            for line, name in _taken(stage)
            if name.isdigit() and int(name) >= position
        ]
    return found


def _astray(name: str, names: Sequence[str]) -> str:
    """A misspelt stage would be pulled from Docker Hub, where nothing of that name is."""
    if name.lower() in names or any(c in name for c in "/:.@") or name.isdigit():
        return ""
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.75)
    return f"--from={name}: there is no earlier stage of that name; did you mean {near[0]}?" if near else ""


def pinned(files: Sequence[Dockerfile]) -> Verdict:
    """Every image that is pulled has a tag other than latest, or a digest."""
    wrong = [
        Problem(f.path, line, f"{image} {unpinned(image)}", "low" if tag_of(image) not in ("", "latest") else None)
        for f in files
        for line, image in images(f)
        if unpinned(image)
    ]
    wrong += [
        Problem(
            f.path, s.line, f"FROM {s.written}: ARG {s.without_default[0]} has no default, so any image may be used"
        )
        for f in files
        for s in stages(f)
        if s.without_default
    ]
    return over_files(
        wrong,
        subject=f"{len(files)} Dockerfiles",
        fine="all base images are pinned",
        expected="base images with a version or a digest",
    )


def unpinned(image: str) -> str:
    """Why an image may be another one tomorrow; "" if it has a version or a digest."""
    if "@" in image:
        return ""
    tag = tag_of(image)
    if not tag:
        return "has no tag, which means latest"
    if tag == "latest":
        return "is tagged latest"
    moves = tag in _VARIANTS or tag.partition("-")[0] in _CHANNELS
    return f"is tagged {tag}, which moves to every release" if moves else ""


def supported(files: Sequence[Dockerfile], today: dt.date) -> Verdict:
    """No base image is past its end of life."""
    wrong = [
        Problem(f.path, line, said)
        for f in files
        for line, image in dict.fromkeys(images(f))
        if (said := end_of_life(image, today))
    ]
    return over_files(
        wrong,
        subject=f"{len(files)} Dockerfiles",
        fine="no base image is known to have ended",
        expected="base images that still get security fixes",
    )


def small(files: Sequence[Dockerfile]) -> Verdict:
    """What is shipped rests on a small base image and carries no compilers."""
    wrong = [p for f in files for p in _large(f)]
    return over_files(
        wrong,
        subject=f"{len(files)} Dockerfiles",
        fine="all rest on small images",
        expected="a last stage on a small image, without build tools",
    )


def _large(one: Dockerfile) -> list[Problem]:
    chain = _final(one)
    if not chain:
        return []
    base = chain[-1]
    name, tag = official_name(base.image), tag_of(base.image)
    found = []
    if name in _COMPILERS:
        found.append(Problem(one.path, base.line, f"the last stage rests on {base.image}, with all of its compilers"))
    elif name in _LARGE and not any(word in tag for word in _SMALL):
        found.append(Problem(one.path, base.line, f"the last stage rests on {base.image}; there is a slim variant"))
    for instruction in (i for s in chain for i in s.instructions if i.name == "RUN"):
        text = " ".join(instruction.args)
        tool = _TOOLS.search(text)
        if tool and not _REMOVED.search(text):
            found.append(
                Problem(one.path, instruction.line, f"{tool['tool']} stays in the image: build in a first stage")
            )
    return found


def _final(one: Dockerfile) -> list[Stage]:
    """The last stage, the stage that it builds on, and so on."""
    all_stages = stages(one)
    if not all_stages:
        return []
    chain = [all_stages[-1]]
    while (parent := chain[-1].parent) is not None:
        chain.append(all_stages[parent])
    return chain


def without_root(files: Sequence[Dockerfile]) -> Verdict:
    """Images do not run as root."""
    wrong = [Problem(f.path, line, said) for f in files for line, said in _root(f)]
    return over_files(
        wrong, subject=f"{len(files)} Dockerfiles", fine="none runs as root", expected="a USER that is not root"
    )


def _root(one: Dockerfile) -> list[tuple[int, str]]:
    chain = _final(one)
    users = [(i.line, i.args[0]) for s in chain for i in reversed(s.instructions) if i.name == "USER" and i.args]
    if users:
        line, user = users[0]
        return [(line, f"it runs as {user}")] if user.split(":")[0] in ("root", "0") else []
    if not chain or "nonroot" in chain[-1].image or "unprivileged" in chain[-1].image:
        return []
    return [(0, "it runs as root: no USER")]
