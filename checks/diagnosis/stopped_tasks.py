"""Why tasks stopped: told from stop code, reasons and exit codes; and when stops make a restart loop."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Severity, Verdict
from fixtures.model.ecs import ContainerState, Service, Task


class Stop(Struct, frozen=True):
    """Why one task stopped.

    Args:
        benign: nothing is wrong: scale-in, deployment, a person.
        severity: None for the check's own.
    """

    what: str
    cause: str
    sign: str = ""
    benign: bool = False
    severity: Severity | None = None


# stoppedReason and container reasons (Task stopped error messages; ECS developer guide), most specific first.
_REASONS: tuple[tuple[str, Stop], ...] = (
    (r"scaling activity initiated by", Stop("stopped by the scheduler", "scale-in or a deployment", benign=True)),
    (r"OutOfMemory", Stop("out of memory", "it needs more memory than the task definition gives it", "memory")),
    (
        r"did not contain json key",
        Stop("secret cannot be resolved", "the secret has no such JSON key", "secret"),
    ),
    (
        r"(retrieve secret|pull secrets|GetSecretValue|ssm:GetParameters).*(AccessDenied|not authorized)",
        Stop("secret cannot be read", "the execution role may not read the secret", "permission"),
    ),
    (
        r"(marked for deletion|find the specified secret|ResourceNotFoundException.*secret|invalid ssm param)",
        Stop("secret cannot be resolved", "the secret or parameter does not exist any more", "secret"),
    ),
    (r"retrieve secret.*invalid character", Stop("secret cannot be resolved", "the secret is not JSON", "secret")),
    (
        r"(pull secrets|registry auth|retrieve ecr).*(deadline exceeded|i/o timeout|connection issue)",
        Stop("AWS cannot be reached from the task", "no route to the service: NAT gateway or VPC endpoint", "network"),
    ),
    # What is pulled is named in the same line: no word or number may be one that a name, tag or digest can have.
    (
        r"CannotPull.*(i/o timeout|handshake timeout|Client\.Timeout|timed out|deadline exceeded|no such host"
        r"|waiting for connection|connection (?:refused|reset|issue)|dial tcp)",
        Stop("image cannot be pulled", "no route to the registry: NAT gateway or VPC endpoints", "network"),
    ),
    (
        r"CannotPull.*(\bnot found|manifest unknown|does not exist)",
        Stop("image cannot be pulled", "the repository has no such tag or digest", "image"),
    ),
    (
        r"CannotPull.*(\b403 Forbidden|access denied|is denied|denied: |AccessDenied|no basic auth|not authorized)",
        Stop("image cannot be pulled", "the execution role may not read the registry", "permission"),
    ),
    (
        r"CannotPull.*(toomanyrequests:|\b429 Too Many|rate limit|rate exceeded)",
        Stop("image cannot be pulled", "the registry's rate limit", "image"),
    ),
    (
        r"CannotPull.*(matching platform|match for platform|matching manifest)",
        Stop("image cannot be pulled", "the image is not built for the task's CPU architecture", "image"),
    ),
    (r"CannotPull", Stop("image cannot be pulled", "the image or the way to it", "image")),
    (
        r"(logger args|logging driver|log group)",
        Stop(
            "logging cannot be set up",
            "the log group is missing, or the execution role may not create it",
            "configuration",
        ),
    ),
    (
        r"(network interface|\bENI\b|\bsubnet|ipv4 address)",
        Stop("network interface cannot be attached", "no free addresses in the subnet, or an ECS limit", "network"),
    ),
    (
        r"task failed elb health checks",
        Stop(
            "killed by the load balancer's health check", "the health path fails or starts too slowly", "health_check"
        ),
    ),
    (
        r"task failed container health checks",
        Stop("killed by the container's health check", "the health command fails", "health_check"),
    ),
    (
        r"unable to assume (?:the |a )?role",
        Stop("its role cannot be assumed", "the role is gone, or does not trust ecs-tasks.amazonaws.com", "permission"),
    ),
    (r"exec format error", Stop("cannot be executed", "the image is built for another CPU architecture", "image")),
    (
        r"CannotCreateVolume|\bEFS\b|\bmount",
        Stop("a volume cannot be mounted", "the file system or the way to it", "network"),
    ),
    (
        r"CannotStartContainer|CannotCreateContainer|CannotInspect",
        Stop("cannot be started", "command or image", "image"),
    ),
    (
        r"TimeoutError",
        Stop("the container runtime timed out", "an overloaded or broken host", "capacity", severity="medium"),
    ),
    (
        r"ResourceInitializationError",
        Stop("resources cannot be initialised", "a secret, the log group or the network", "secret"),
    ),
)
# What a process's exit code says (POSIX and Docker conventions).
_EXITS: dict[int, Stop] = {
    0: Stop(
        "exited by itself (exit code 0)", "its main process ends: it is not a server, or its command is wrong", "crash"
    ),
    1: Stop("exit code 1", "the application failed; its log says why", "crash"),
    2: Stop("exit code 2", "wrong usage, or a Go panic", "crash"),
    125: Stop("exit code 125", "the container runtime could not run it", "image"),
    126: Stop("exit code 126", "its command is not executable", "image"),
    127: Stop("exit code 127", "its command is not in the image", "image"),
    134: Stop("exit code 134 (SIGABRT)", "the application aborted itself", "crash"),
    137: Stop(
        "exit code 137 (SIGKILL)", "killed: out of memory, or it ignored SIGTERM until its stop time-out", "memory"
    ),
    139: Stop("exit code 139 (SIGSEGV)", "the application crashed in native code", "crash"),
    143: Stop("exit code 143 (SIGTERM)", "somebody asked it to stop", "crash"),
    255: Stop("exit code 255", "the application failed, or its CPU architecture is another", "crash"),
}
# Stop codes that say by themselves that nothing is wrong, or only something for later.
_CODES: dict[str, Stop] = {
    "UserInitiated": Stop("stopped by a person or a program", "StopTask", benign=True),
    "SpotInterruption": Stop(
        "interrupted (Fargate Spot)", "AWS took the spot capacity back", "capacity", severity="medium"
    ),
    "TerminationNotice": Stop("its host was retired", "AWS maintenance", "capacity", severity="medium"),
    "InfrastructureHealth": Stop("its host became unhealthy", "AWS infrastructure", "capacity", severity="medium"),
}


def classify(task: Task, essential: Sequence[str] = ()) -> Stop:
    """Why a task stopped.

    Args:
        essential: names of its essential containers; those of the others do not stop a task.
    """
    if task.stop_code == "UserInitiated":
        # Whatever words they gave for it.
        return _CODES["UserInitiated"]
    deciding = [c for c in task.containers if not essential or c.name in essential] or list(task.containers)
    said = " ".join((task.stopped_reason, *(c.reason for c in deciding)))
    for pattern, stop in _REASONS:
        if re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return stop
    if task.stop_code in _CODES:
        return _CODES[task.stop_code]
    if task.stop_code == "ServiceSchedulerInitiated":
        # ECS itself stopped it: how its containers then ended says nothing.
        why = task.stopped_reason or "no reason given"
        return Stop(f"stopped by the scheduler: {why}", "a reason that this suite does not know", severity="medium")
    exited = _decisive_exit(deciding)
    if exited is not None:
        return _EXITS.get(exited, Stop(f"exit code {exited}", "the application failed; its log says why", "crash"))
    unknown = task.stopped_reason or task.stop_code or "no reason given"
    grave = task.stop_code in ("TaskFailedToStart", "EssentialContainerExited")
    return Stop(unknown, "a reason that this suite does not know", severity=None if grave else "medium")


def _decisive_exit(containers: Iterable[ContainerState]) -> int | None:
    codes = [c.exit_code for c in containers if c.exit_code is not None]
    return next((c for c in codes if c != 0), codes[0] if codes else None)


def judge(
    service: Service,
    stopped: Sequence[Task],
    now: dt.datetime,
    *,
    window_min: float,
    loop_stops: int,
    essential: Sequence[str] = (),
) -> Verdict:
    """No failing stops of the present deployment; one alone, with all tasks running again, is milder.

    Tasks of earlier deployments, and stops before the window, say nothing about what runs now.
    """
    start = now - dt.timedelta(minutes=window_min)
    current = service.current_deployments
    recent = [t for t in stopped if (t.stopped_at or t.created_at) >= start]
    own = [t for t in recent if not current or t.started_by in current]
    reasons = [(t, classify(t, essential)) for t in own]
    failing = [(t, s) for t, s in reasons if not s.benign]
    kinds = Counter(s for _, s in failing)
    common = kinds.most_common()
    # The gravest decides, however many interruptions by AWS there were besides.
    grave = [s for s, _ in common if s.severity is None]
    main = next(iter(grave), common[0][0] if common else None)
    recovered = sum(kinds[s] for s in grave) < loop_stops and service.running >= service.desired
    severity: Severity | None = "medium" if recovered else main.severity if main else None
    told = ", ".join(f"{n}× {s.what}" for s, n in common)
    return Verdict(
        ok=not failing,
        resource=service.arn,
        name=service.service,
        observed=f"{len(failing)} of its tasks stopped in the last {window_min:g} min: {told}"
        if failing
        else "no failing stops",
        expected="no failing stops of the present deployment",
        evidence=tuple(_line(t, s) for t, s in failing[:8]),
        likely_cause=main.cause if main else "",
        brief=f"{len(failing)} tasks stopped ({main.what})" if main else "",
        severity=severity,
        related=service.related,
        signs=tuple(dict.fromkeys(s.sign for s in kinds if s.sign)),
        names={"service": service.service, "cluster": service.cluster, "task": failing[0][0].id if failing else ""},
    )


def _line(task: Task, stop: Stop) -> str:
    when = f"{task.stopped_at:%m-%d %H:%M:%S}Z" if task.stopped_at else "?"
    codes = ", ".join(
        c.name + (f" exit {c.exit_code}" if c.exit_code is not None else "") + (f" ({c.reason})" if c.reason else "")
        for c in task.containers
        if c.exit_code is not None or c.reason
    )
    ran = (
        f" after {(task.stopped_at - task.started_at).total_seconds():.0f} s"
        if task.stopped_at and task.started_at
        else ""
    )
    return f"{when} task {task.id}{ran}: {task.stop_code or 'no stop code'}: {task.stopped_reason or stop.what}" + (
        f" [{codes}]" if codes else ""
    )
