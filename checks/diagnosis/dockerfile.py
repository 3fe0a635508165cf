"""Dockerfiles: whether a builder can read them, and what linters say of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from checks.diagnosis.base_images import images, wrong_stages
from checks.diagnosis.places import Problem, over_files
from checks.diagnosis.verdict import Verdict
from fixtures.model.source import BuildWarning, DeclaredBuild, Dockerfile, Instruction, Lint

# hadolint's codes for what cannot be read, as a Dockerfile or as a shell command; everything else it says is advice.
_SYNTAX_CODES = ("DL1000", "SC1072")
# Instruction order; reported in our own words.
_ORDER_CODE = "DL3061"
# Least number of arguments by instruction: frontend/dockerfile/instructions/parse.go of BuildKit.
_LEAST_ARGUMENTS: Mapping[str, int] = {
    "ADD": 2, "ARG": 1, "COPY": 2, "ENV": 1, "EXPOSE": 1, "LABEL": 1, "MAINTAINER": 1, "RUN": 1, "SHELL": 1,
    "STOPSIGNAL": 1, "USER": 1, "VOLUME": 1, "WORKDIR": 1,
}  # fmt: skip
# Flags by instruction, of the same file and of the labs channel.
_FLAGS: Mapping[str, frozenset[str]] = {
    "ADD": frozenset("--checksum --chmod --chown --exclude --keep-git-dir --link --unpack".split()),
    "COPY": frozenset("--chmod --chown --exclude --from --link --parents".split()),
    "FROM": frozenset({"--platform"}),
    "HEALTHCHECK": frozenset("--interval --retries --start-interval --start-period --timeout".split()),
    "RUN": frozenset("--device --mount --network --security".split()),
}
# Instructions that BuildKit's parser takes apart to the end: what it accepts there, hadolint need not.
_FULLY_PARSED = ("FROM", "ENV", "LABEL", "ARG")
_NAME_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
# github.com/distribution/reference
_REFERENCE = re.compile(
    rf"(?:(?:localhost|[\w.-]+\.[\w.-]+|[\w.-]+:\d+|localhost:\d+)/)?{_NAME_PART}(?:/{_NAME_PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@[a-z][a-z0-9]*(?:[+._-][a-z][a-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
_SECRET_NAME = re.compile(r"passw(?:or)?d|secret|token|api_?key|private_?key|access_?key|credential", re.IGNORECASE)
_NOT_SECRET = re.compile(r"(?:_file|_path|_arn|_name|_id|_url|_ttl|_length|_expiry)$", re.IGNORECASE)


def syntax(files: Sequence[Dockerfile], lints: Mapping[str, Sequence[Lint]]) -> Verdict:
    """Every Dockerfile can be read: by BuildKit's parser, and by hadolint's where that can be trusted."""
    wrong = [p for one in files for p in unreadable(one, lints.get(one.path, ()))]
    return over_files(
        wrong,
        subject=f"{len(files)} Dockerfiles",
        fine="all can be read",
        expected="Dockerfiles that a builder can read",
    )


def unreadable(one: Dockerfile, lints: Sequence[Lint]) -> list[Problem]:
    """Why no builder can read a Dockerfile; of one with a parser of its own, nothing is known."""
    if one.frontend:
        return []
    if one.error:
        return [Problem(one.path, one.error_line, one.error)]
    if not one.instructions:
        return [Problem(one.path, 0, "it is empty")]
    if not any(i.name == "FROM" for i in one.instructions):
        return [Problem(one.path, 0, "it has no FROM")]
    own = [*_order(one), *_form(one), *wrong_stages(one), *_wrong_references(one)]
    known = {p.line for p in own}
    said = [x for x in lints if x.code in _SYNTAX_CODES and x.line not in known and _is_believed(one, x)]
    own += [Problem(one.path, x.line, f"{x.code} {x.message}") for x in said]
    return sorted(own, key=lambda p: p.line)


def _is_believed(one: Dockerfile, said: Lint) -> bool:
    """Whether hadolint's complaint counts where BuildKit's parser has none."""
    if said.code != "DL1000":
        return True
    before = [i for i in one.instructions if i.line <= said.line]
    # After a here-document its parser loses its way; a registry's port and some quotes and flags it does not know.
    if one.has_heredocs or not before or before[-1].name in _FULLY_PARSED:
        return False
    return "invalid flag" not in said.message or bool(_unknown_flag(before[-1]))


def _order(one: Dockerfile) -> list[Problem]:
    found = []
    for instruction in one.instructions:
        if instruction.name == "FROM":
            break
        if instruction.name != "ARG":
            found.append(Problem(one.path, instruction.line, f"{instruction.name} stands before the first FROM"))
    return found[:1]


def _form(one: Dockerfile) -> list[Problem]:
    said = ((i, _wrong_count(i) or _wrong_kind(i) or _unknown_flag(i)) for i in one.instructions)
    return [Problem(one.path, i.line, words) for i, words in said if words]


def _wrong_kind(instruction: Instruction) -> str:
    if instruction.name == "SHELL" and not instruction.json:
        return "SHELL takes a JSON list"
    kind = instruction.args[0].upper() if instruction.name == "HEALTHCHECK" and instruction.args else "CMD"
    return "" if kind in ("CMD", "NONE") else f"HEALTHCHECK takes CMD or NONE, not {instruction.args[0]}"


def _unknown_flag(instruction: Instruction) -> str:
    known = _FLAGS.get(instruction.name)
    unknown = [f for f in instruction.flags if known is not None and f.partition("=")[0] not in known]
    return f"{instruction.name} has no flag {unknown[0].partition('=')[0]}" if unknown else ""


def _wrong_references(one: Dockerfile) -> list[Problem]:
    return [
        Problem(
            one.path, line, f"{image} is no valid image name{' (capital letters)' if image.lower() != image else ''}"
        )
        for line, image in images(one)
        if not _REFERENCE.fullmatch(image)
    ]


def _wrong_count(instruction: Instruction) -> str:
    count = len([a for a in instruction.args if a.strip()])
    if instruction.name == "FROM":
        fits = count == 1 or (count == 3 and instruction.args[1].lower() == "as")
        return "" if fits else "FROM takes an image, or an image AS a name"
    least = _LEAST_ARGUMENTS.get(instruction.name, 0)
    if count >= least:
        return ""
    return f"{instruction.name} needs at least {least} argument{'s' if least > 1 else ''}"


def advice(files: Sequence[Dockerfile], lints: Mapping[str, Sequence[Lint]]) -> Verdict:
    """What hadolint would do otherwise, and secrets that stay in the image."""
    wrong = [
        Problem(one.path, x.line, f"{x.code} {x.message}", "low")
        for one in files
        for x in lints.get(one.path, ())
        if x.code not in (*_SYNTAX_CODES, _ORDER_CODE) and x.level in ("error", "warning")
    ]
    wrong += [
        Problem(one.path, line, f"{name} is set to a value that everybody can read who has the image", "medium")
        for one in files
        for line, name in secrets(one)
    ]
    return over_files(
        wrong,
        subject=f"{len(files)} Dockerfiles",
        fine="nothing to improve",
        expected="hadolint's advice followed, and no secrets in ENV and ARG",
    )


def is_secret_name(name: str) -> bool:
    """Whether a variable's name says that its value is secret."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def secrets(one: Dockerfile) -> list[tuple[int, str]]:
    """Line and name of variables that hold a secret, which stays in the image or its history."""
    found = []
    for instruction in one.instructions:
        if instruction.name == "ENV":
            pairs = [(k, v) for k, v in zip(instruction.args[::3], instruction.args[1::3], strict=False)]
        elif instruction.name == "ARG":
            pairs = [(a.partition("=")[0], a.partition("=")[2]) for a in instruction.args]
        else:
            continue
        found += [(instruction.line, k) for k, v in pairs if is_secret_name(k) and v.strip("\"'") and "$" not in v]
    return found


def declared(builds: Sequence[DeclaredBuild]) -> Verdict:
    """Everything that workflows and compose files build has its Dockerfile and its context."""
    wrong = [Problem(b.where, 0, said) for b in builds if (said := _absent(b))]
    missing = next((b.dockerfile for b in builds if _absent(b)), "")
    return over_files(
        wrong,
        subject=f"{len(builds)} image builds",
        fine="all have their Dockerfile",
        expected="a Dockerfile and a context for every build",
        names={"file": missing, "dockerfile": ""} if missing else None,
    )


def _absent(build: DeclaredBuild) -> str:
    if not build.context_exists:
        return f"it builds {build.context}, which does not exist"
    return "" if build.dockerfile_exists else f"it builds {build.dockerfile}, which does not exist"


def build_check(warnings: Sequence[BuildWarning], count: int) -> Verdict:
    """``docker build --check`` finds nothing; what it cannot build at all is graver than what it advises against."""
    wrong = [
        Problem(w.path, w.line, f"{w.rule}: {w.message}" if w.rule else w.message, "high" if w.fatal else None)
        for w in warnings
    ]
    return over_files(
        wrong,
        subject=f"{count} Dockerfiles",
        fine="BuildKit finds nothing",
        expected="docker build --check without findings",
    )
