"""Terraform's error messages, by what has to be done about them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from msgspec import Struct

from checks.diagnosis.late_patterns import pattern
from checks.diagnosis.verdict import Verdict
from fixtures.model.terraform import ApplyLog, Diagnostic, PlanRun


class Kind(Struct, frozen=True):
    """A family of errors.

    Args:
        cause: one clause.
        advice: what to do, one sentence.
        signs: see Verdict.
    """

    name: str
    cause: str
    advice: str
    signs: tuple[str, ...] = ()


# In order: the first whose pattern occurs is it. AWS's error codes are spelled as its APIs answer them.
_KINDS: tuple[tuple[str, Kind], ...] = (
    (
        r"does not have the expected content|Calculated checksum",
        Kind(
            "state checksum",
            "the state in S3 is not the one whose checksum the lock table holds",
            "wait a minute, then restore the state's version or correct the -md5 item.",
            ("configuration",),
        ),
    ),
    (
        r"Error acquiring the state lock|state lock|ConditionalCheckFailedException|PreconditionFailed",
        Kind(
            "state lock",
            "another run holds the state's lock, or was killed while it did",
            "make sure that nobody applies, then terraform force-unlock the id shown.",
        ),
    ),
    (
        r"Backend initialization required|Backend configuration (?:block )?(?:has )?changed",
        Kind("backend", "the backend was changed since the last init", "run terraform init -reconfigure."),
    ),
    (
        r"NoSuchBucket|bucket .*does not exist|ResourceNotFoundException.*table",
        Kind("backend", "the state's bucket or lock table does not exist", "create it, or correct the backend block."),
    ),
    (
        r"Inconsistent dependency lock file|doesn't match any of the checksums",
        Kind(
            "providers", "the provider lock file does not fit", "run terraform init -upgrade and commit the lock file."
        ),
    ),
    (
        r"service control policy",
        Kind(
            "denied by organisation",
            "a service control policy of the organisation denies it",
            "ask the organisation's administrators; the role's own policies cannot allow it.",
            ("permission",),
        ),
    ),
    (
        r"AccessDenied|UnauthorizedOperation|AuthorizationError|not authorized to perform",
        Kind("denied", "Terraform's role may not do it", "allow the action in the role's policy.", ("permission",)),
    ),
    (
        r"ExpiredToken|InvalidClientTokenId|no valid credential",
        Kind("credentials", "the credentials are missing or expired", "log in again.", ("authentication",)),
    ),
    (
        r"AlreadyExists|InvalidGroup\.Duplicate|DuplicateListener|BucketAlreadyOwnedByYou|PriorityInUse|already exists",
        Kind(
            "conflict",
            "a resource of that name exists outside the state",
            "terraform import it, or delete it if nothing uses it.",
            ("configuration",),
        ),
    ),
    (
        r"DependencyViolation|ResourceInUse|InvalidGroup\.InUse",
        Kind("in use", "something still uses the resource", "remove the user first, or let Terraform manage it, too."),
    ),
    (
        r"CidrConflict|InvalidSubnet\.Conflict|conflicts with another subnet|InvalidSubnet\.Range",
        Kind("network conflict", "address ranges overlap", "choose a free range inside the VPC.", ("configuration",)),
    ),
    (
        r"LimitExceeded|VcpuLimitExceeded|TooMany\w+Exception|QuotaExceeded",
        Kind(
            "quota",
            "a quota of the account is used up",
            "ask for a higher quota, or delete what is not used.",
            ("capacity",),
        ),
    ),
    (
        r"InvalidParameter|ValidationError|ValidationException|InvalidRequest|MalformedPolicyDocument|ClientException",
        Kind(
            "refused",
            "AWS refuses a value of the configuration",
            "correct the value that the message names.",
            ("configuration",),
        ),
    ),
    (
        r"Throttling|RequestLimitExceeded|Rate exceeded",
        Kind("throttled", "AWS throttles the account's requests", "try again with -parallelism=5.", ("capacity",)),
    ),
)
_TIMESTAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\s?")
_COMPLETE = re.compile(r"(?:Apply|Destroy) complete!|No changes\.")
_OTHER = Kind(
    "configuration", "the configuration cannot be evaluated", "correct what the message names.", ("configuration",)
)


def classify(text: str) -> Kind:
    """The family of an error message; ``configuration`` for one that AWS has no part in."""
    return next((kind for expression, kind in _KINDS if pattern(expression).search(text)), _OTHER)


def errors_in(text: str) -> tuple[str, ...]:
    """The error messages of terraform's printed output: each ``Error:`` block on one line, without its frame."""
    lines = [part for line in text.splitlines() for part in _parts(line)]
    starts = [n for n, line in enumerate(lines) if line.startswith("Error: ")]
    blocks = (lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=False))
    return tuple(" ".join(" ".join(_until_end(block)).split()) for block in blocks)


def _parts(line: str) -> list[str]:
    """A line without colours, frame and a CI log's time; of ``-json`` output, a message that stands alone."""
    bare = _TIMESTAMP.sub("", re.sub(r"\x1b\[[0-9;]*m", "", line).strip()).lstrip("│╷╵").strip()
    if not bare.startswith('{"@'):
        return [bare]
    try:
        return [str(json.loads(bare).get("@message", "")).strip(), "", ""]
    except ValueError:
        return [bare]


def has_ended(log: ApplyLog) -> bool:
    """Whether an apply's output shows how it ended, in success or in errors."""
    return bool(errors_in(log.text)) or any(_COMPLETE.match(_parts(line)[0]) for line in log.text.splitlines())


def _until_end(block: Sequence[str]) -> list[str]:
    """An error's own lines: what follows two empty lines is something else."""
    empty = (n for n in range(1, len(block)) if not block[n - 1] and not block[n])
    return list(block[: next(empty, len(block))])


def apply_succeeded(log: ApplyLog, directory: str) -> Verdict:
    """The last apply's output holds no errors."""
    errors = errors_in(log.text)
    kinds = list(dict.fromkeys(classify(e) for e in errors))
    first = errors[0].removeprefix("Error: ") if errors else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Verdict(
        ok=not errors,
        resource=log.path,
        observed=f"terraform apply failed: {_cut(first)}{more}" if errors else "terraform apply succeeded",
        expected="an apply without errors",
        evidence=tuple(line for e in errors[:20] for line in (e, f"  → {classify(e).name}: {classify(e).advice}")),
        related=("terraform",),
        signs=tuple(dict.fromkeys(s for k in kinds for s in k.signs)),
        names={"terraform_directory": directory},
        likely_cause=f"{kinds[0].cause}: {kinds[0].advice}" if kinds else "",
    )


def plan_succeeds(run: PlanRun) -> Verdict:
    """``terraform plan`` ends without errors, and so would the first half of an apply."""
    errors = run.errors
    kind = classify(" ".join(d.line for d in errors)) if errors else None
    return Verdict(
        ok=not errors,
        resource=run.directory,
        observed=f"terraform plan fails: {_shortened(errors)}" if errors else "terraform plan succeeds",
        expected="a plan without errors",
        evidence=tuple(d.line for d in errors),
        related=("terraform",),
        signs=kind.signs if kind else (),
        names={"terraform_directory": run.directory},
        likely_cause=f"{kind.cause}: {kind.advice}" if kind else "",
        locations=tuple(d.location for d in errors if d.location),
    )


def _shortened(errors: Sequence[Diagnostic]) -> str:
    return _cut(errors[0].summary or errors[0].line)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
