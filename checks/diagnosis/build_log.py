"""What the log of an image build, or of the workflow around it, says went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from checks.diagnosis.late_patterns import pattern
from checks.diagnosis.verdict import Verdict
from fixtures.model.github import LastBuild

_SHOWN = 12


class Failure(Struct, frozen=True):
    """A kind of build failure.

    Args:
        what: in two or three words.
        cause: the likely cause, as a clause.
        elsewhere: the trouble is the runner's or the network's: it says nothing about the image.
        signs: see Verdict.
    """

    what: str
    cause: str
    elsewhere: bool = False
    signs: tuple[str, ...] = ("image",)


# Messages of BuildKit, the legacy builder, package managers, registries and GitHub's runner; the most specific first.
_FAILURES: tuple[tuple[str, Failure], ...] = (
    (r"dockerfile parse error|unknown instruction|failed to parse dockerfile|no build stages? in current context|"
     r"file with no instructions|base name \(.*\) should not be blank",
     Failure("Dockerfile syntax", "an instruction is misspelt, incomplete or stands before FROM")),
    (r"failed to read dockerfile|unable to evaluate symlinks in dockerfile path|cannot locate specified dockerfile",
     Failure("no Dockerfile", "there is no Dockerfile where the build looks for it")),
    (r"forbidden path outside the build context",
     Failure("path outside the context", "COPY names a path above the build context")),
    (r"failed to (?:compute|calculate) (?:cache key|checksum)[^\n]*not found|COPY failed: file not found|"
     r"(?:ADD|COPY) failed: stat ",
     Failure("missing file", "COPY names a file that is not there, or that .dockerignore keeps out")),
    (r"no space left on device",
     Failure("disk full", "the machine that builds has no space left", True, ("storage",))),
    (r"Cannot connect to the Docker daemon|permission denied while trying to connect to the Docker daemon",
     Failure("no Docker daemon", "the machine that builds has no Docker daemon for this user", True, ())),
    (r"lost communication with the server|runner has received a shutdown signal|"
     r"exceeded the maximum execution time|operation was canceled",
     Failure("runner lost", "the runner went away or the job ran out of time", True, ())),
    (r"toomanyrequests|pull rate limit|429 too many requests",
     Failure("rate limit", "the registry refuses more pulls: log in to it, or pull through ECR", True)),
    (r"does not have a Release file|404 +Not Found \[IP",
     Failure("package archive gone", "the base image's distribution has ended, and its packages have moved")),
    (r"temporary failure (?:resolving|in name resolution)|could not resolve host|no such host|i/o timeout|"
     r"TLS handshake timeout|EAI_AGAIN|\bETIMEDOUT\b|connection (?:timed out|reset by peer)|network is unreachable|"
     r"Max retries exceeded with url",
     Failure("network", "something that the build downloads could not be reached", True, ("network",))),
    (r"no match for platform|exec format error|does not match the (?:detected host|specified) platform",
     Failure("platform", "the base image or a program in it is for another processor")),
    (r"No matching distribution found|Could not find a version that satisfies",
     Failure("dependency version", "a Python package has no such version, or none for this Python")),
    (r"ResolutionImpossible|conflicting dependencies",
     Failure("dependency conflict", "the Python packages ask for versions that exclude each other")),
    (r"DO NOT MATCH THE HASHES|Hashes are required in --require-hashes mode",
     Failure("dependency hash", "a package is not the one that the requirements file has hashes of")),
    (r"ERROR: Invalid requirement", Failure("requirements syntax", "pip cannot read a line of requirements.txt")),
    (r"Failed building wheel|failed-wheel-build|metadata-generation-failed|error: command '[^']*(?:gcc|cc|clang)'",
     Failure("package build", "a package must be compiled, and compilers or headers are missing")),
    (r"npm (?:ERR!|error) code (?:ETARGET|E404|ENOVERSIONS)",
     Failure("dependency version", "an npm package has no such version")),
    (r"npm (?:ERR!|error) code (?:ERESOLVE|EUSAGE)|lockfile needs to be updated|"
     r"lockfile would have been (?:created|"
     r"modified)|ERR_PNPM_OUTDATED_LOCKFILE|poetry\.lock.*(?:changed|not up to date)|needs to be updated.*--locked",
     Failure("lock file", "the list of dependencies and its lock contradict each other")),
    (r"npm (?:ERR!|error) code EINTEGRITY",
     Failure("dependency hash", "a package is not the one that package-lock.json has the hash of")),
    (r"npm (?:ERR!|error) code (?:EBADENGINE|ENOTSUP)|requires a different Python|Unsupported engine",
     Failure("language version", "a package does not support the base image's language version")),
    (r"E: Unable to locate package|has no installation candidate|unable to select packages|No package .* available",
     Failure("system package", "the base image's distribution has no package of that name or version")),
    (r"no basic auth credentials|authorization token has expired|Could not assume role|"
     r"Not authorized to perform sts:AssumeRoleWithWebIdentity|Credentials could not be loaded",
     Failure("login", "the workflow could not log in to AWS or to the registry", False, ("authentication",))),
    (r"tag (?:invalid|is immutable)|ImageTagAlreadyExists|cannot be overwritten because the (?:repository|tag)",
     Failure("immutable tag", "the tag was pushed before and may not be moved: build a new commit")),
    (r"repository with name .* does not exist|RepositoryNotFoundException|name unknown",
     Failure("no repository", "the registry has no repository of that name")),
    (r"AccessDenied|is not authorized to perform|denied: requested access to the resource is denied",
     Failure("permission", "the workflow's role lacks a permission", False, ("permission",))),
    (r"manifest unknown|pull access denied|"
     r"failed to resolve (?:source metadata|reference)|manifest for .* not found",
     Failure("base image", "FROM names an image or a tag that does not exist or may not be read")),
    (r"Waiter ServicesStable failed|services? (?:did not|didn't) stabili[sz]e|deployment .*(?:rolled back|failed)",
     Failure("deployment", "the image was built, but the service did not become stable with it", False, ())),
    (r"Total: [1-9]\d* \(.*(?:CRITICAL|HIGH): [1-9]|vulnerabilit(?:y|ies) (?:found|detected)",
     Failure("scan", "the scan found vulnerabilities: build on a newer base image or newer packages")),
    (r"exit code: 137|\bKilled\b|JavaScript heap out of memory|Cannot allocate memory",
     Failure("memory", "a build step ran out of memory", False, ("memory",))),
    (r"exit code: 127|: (?:command )?not found$",
     Failure("missing program", "a RUN instruction calls a program that the image does not have")),
    (r"did not complete successfully: exit code|returned a non-zero code",
     Failure("build step", "a RUN instruction failed; the lines above it say why")),
    (r"^error: |\bERROR\b|npm (?:ERR!|error)|Process completed with exit code [1-9]",
     Failure("unknown", "the step failed; its lines say why")),
)  # fmt: skip
# A builder's last word. Package managers print ERROR for things that do not end a build.
_ENDED = re.compile(
    r"failed to solve|did not complete successfully|returned a non-zero code|(?:COPY|ADD) failed|failed to build|"
    r"dockerfile parse error|Cannot connect to the Docker daemon|error building image|building at STEP|"
    r"Process completed with exit code [1-9]|\bERROR: (?:failed|unable|resolve|process|Service)",
    re.IGNORECASE,
)
# A builder's last word too, unless an image was finished after it: then a RUN instruction printed it, and went on.
_PERHAPS_ENDED = re.compile(r"^error: (?!pip's dependency resolver)", re.IGNORECASE)
_FINISHED = re.compile(
    r"naming to \S+|exporting to (?:oci )?image|writing image sha256|pushing manifest for|"
    r"Successfully (?:built|tagged) |"
    r"exporting manifest|COMMIT \S+",
    re.IGNORECASE,
)


def classify_line(line: str) -> Failure | None:
    """What kind of failure a line reports."""
    return next((failure for expression, failure in _FAILURES if pattern(expression).search(line)), None)


def classify(lines: Iterable[str]) -> Failure | None:
    """The most specific failure that any of the lines reports."""
    found = {f for line in lines if (f := classify_line(line)) is not None}
    return next((failure for _, failure in _FAILURES if failure in found), None)


def telling_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines that match a known failure, each with the one before it; the last ones where there are many."""
    hits = [n for n, line in enumerate(lines) if classify_line(line) is not None]
    chosen = sorted({m for n in hits for m in (n - 1, n) if m >= 0})[-_SHOWN:]
    return tuple(lines[n].strip() for n in chosen) or tuple(line.strip() for line in lines[-_SHOWN:])


def ended(lines: Sequence[str]) -> bool | None:
    """Whether a build's log ends in success; None where it shows neither success nor failure."""
    finished = max((n for n, line in enumerate(lines) if _FINISHED.search(line)), default=-1)
    if any(_ENDED.search(line) for line in lines) or any(_PERHAPS_ENDED.search(x) for x in lines[finished + 1 :]):
        return False
    return True if finished >= 0 else None


def judge(build: LastBuild) -> Verdict:
    """The build whose log is at hand succeeded; ``ended(build.lines)`` must not be None."""
    succeeded = bool(ended(build.lines))
    failure = classify(build.lines) if not succeeded else None
    return Verdict(
        ok=succeeded,
        resource=build.log,
        name=build.log.rpartition("/")[2],
        observed=f"the build failed: {failure.what if failure else 'unknown'}"
        if not succeeded
        else "the build succeeded",
        expected="a build without errors",
        evidence=telling_lines(build.lines) if not succeeded else (),
        likely_cause=failure.cause if failure else "",
        severity="medium" if failure and failure.elsewhere else None,
        signs=failure.signs if failure else (),
        related=("build",),
        names={"file": build.log},
    )
