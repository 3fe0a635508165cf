"""ECS Exec: whether it can be used at all, and what a connection attempt from inside a task said.

What ECS Exec needs: "Monitor Amazon ECS containers with ECS Exec" (ECS developer guide).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import ExecReadiness, ProbeResult

_SUCCESS = 0
_USAGE = re.compile(r"(?:unrecognized|invalid|illegal) option|usage:", re.IGNORECASE)
_REFUSED = re.compile(r"refused|ECONNREFUSED", re.IGNORECASE)
_TIMED_OUT = re.compile(r"timed? ?out|ETIMEDOUT|unreachable|No route", re.IGNORECASE)
_NO_NAME = re.compile(r"bad address|ENOTFOUND|EAI_AGAIN|not known|name resolution|getaddrinfo|gaierror", re.IGNORECASE)


def lacking(readiness: ExecReadiness) -> tuple[str, ...]:
    """What one task lacks for ECS Exec, as far as the APIs tell."""
    found = []
    if not readiness.enabled:
        found.append("it was started without enableExecuteCommand (set it on the service and redeploy)")
    elif readiness.agent != "RUNNING":
        found.append(f"the ExecuteCommandAgent in {readiness.container} is {readiness.agent or 'not there'}")
    if readiness.read_only_root:
        found.append(f"container {readiness.container} has a read-only root file system, where the agent cannot start")
    if not readiness.task_role:
        found.append("its task definition has no task role")
    elif readiness.denied_actions:
        found.append(f"its task role lacks {', '.join(readiness.denied_actions)}")
    version = readiness.platform_version
    if re.fullmatch(r"\d+(?:\.\d+)*", version) and tuple(map(int, version.split("."))) < (1, 4):
        found.append(f"platform version {version} is older than 1.4.0")
    return tuple(found)


def possible(readiness: Sequence[ExecReadiness], service: str, arn: str, cluster: str) -> Verdict:
    """At least one running task of the service could be entered with ECS Exec."""
    problems = {r.task: lacking(r) for r in readiness}
    ready = [t for t, p in problems.items() if not p]
    first = next(iter(problems.values()), ())
    one = readiness[0]
    return Verdict(
        ok=bool(ready),
        resource=arn,
        name=service,
        observed=f"task {ready[0]} can be entered" if ready else f"no task can be entered: {'; '.join(first)}",
        expected="a running task that ECS Exec can enter, for when connectivity has to be tested from inside",
        evidence=tuple(f"task {t}: {p}" for t, found in problems.items() for p in found),
        related=(arn,),
        names={"service": service, "cluster": cluster, "task": one.task, "container": one.container},
    )


def connects(result: ProbeResult, service: str, arn: str, database: str) -> Verdict | None:
    """A task of the service reaches the database on its port; None where the image has nothing to try it with."""
    said = " ".join(result.output)
    ok = result.exit_code == _SUCCESS
    if not result.tool or (not ok and result.tool == "nc" and _USAGE.search(said)):
        return None
    how, signs, cause = _reason(said, result.exit_code)
    return Verdict(
        ok=ok,
        resource=arn,
        name=service,
        observed=f"{result.tool} in task {result.task} {'connects' if ok else how} to {result.host} port {result.port}",
        expected="a TCP connection",
        evidence=result.output[-10:],
        related=(arn, database),
        signs=() if ok else signs,
        names={"task": result.task, "container": result.container, "host": result.host, "port": str(result.port)},
        commands=() if ok else (f"dig +short {shlex.quote(result.host)}",),
        likely_cause="" if ok else cause,
    )


def _reason(said: str, code: int | None) -> tuple[str, tuple[str, ...], str]:
    if _NO_NAME.search(said):
        return "cannot resolve the name and does not connect", ("dns",), "the host name is wrong or was deleted"
    if _REFUSED.search(said):
        return "is refused when connecting", ("refused",), "nothing listens there: database down, or wrong port"
    if _TIMED_OUT.search(said):
        return "gets no answer when connecting", ("network",), "a security group, network ACL or route drops packets"
    # nc without -v says nothing at all.
    return f"does not connect (exit code {code})", ("network", "refused", "dns"), ""
