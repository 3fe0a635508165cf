"""ECS Exec: whether it can be used at all, and what a connection attempt from inside a task said.

What ECS Exec needs: "Monitor Amazon ECS containers with ECS Exec" (ECS developer guide).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import ExecReadiness, ProbeResult

_MARKER = "__RC="
_SUCCESS, _NO_TOOL = 0, 127
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


def ready(readiness: Sequence[ExecReadiness]) -> ExecReadiness | None:
    """The first task that can be entered."""
    return next((r for r in readiness if not lacking(r)), None)


def command(host: str, port: int, wait_s: int = 3) -> str:
    """The fixed command that tries a TCP connection from inside a container and says how it ended.

    ``nc`` first; images without it have Python, Node or bash. Neither host nor port can break out: they are checked.

    Raises:
        ValueError: host or port have characters that no host or port has.
    """
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", host) or not 0 < port < 65536:
        raise ValueError(f"not a host and port: {host!r} {port!r}")
    python = f'import socket; socket.create_connection((\\"{host}\\",{port}),{wait_s}); print(\\"open\\")'
    node = (
        f'const s=require(\\"net\\").connect({{host:\\"{host}\\",port:{port},timeout:{wait_s * 1000}}});'
        's.on(\\"connect\\",()=>{console.log(\\"open\\");process.exit(0)});'
        's.on(\\"timeout\\",()=>{console.log(\\"timed out\\");process.exit(1)});'
        's.on(\\"error\\",e=>{console.log(e.code);process.exit(1)})'
    )
    attempts = (
        ("nc", f"nc -z -w {wait_s} {host} {port}"),
        ("python3", f'python3 -c "{python}"'),
        ("node", f'node -e "{node}"'),
        ("bash", f'timeout {wait_s} bash -c "exec 3<>/dev/tcp/{host}/{port} && echo open"'),
    )
    chain = "; el".join(
        f"if command -v {tool} >/dev/null 2>&1; then echo __TOOL={tool}; {run}" for tool, run in attempts
    )
    return f"sh -c '{chain}; else (exit {_NO_TOOL}); fi; echo {_MARKER}$?'"


def parsed(output: str) -> tuple[int | None, str, tuple[str, ...]]:
    """Exit code, tool and other lines of what the command printed; no code where its marker did not arrive."""
    code, tool, lines = None, "", []
    for line in re.split(r"[\r\n]+", output):
        marker = re.search(rf"{_MARKER}(\d+)", line)
        if marker:
            code = int(marker[1])
        elif line.startswith("__TOOL="):
            tool = line.removeprefix("__TOOL=").strip()
        elif line.strip():
            lines.append(line.strip())
    return code, tool, tuple(lines)


def connects(result: ProbeResult, service: str, arn: str, database: str) -> Verdict | None:
    """A task of the service reaches the database on its port; None where the image has nothing to try it with."""
    if result.exit_code == _NO_TOOL and not result.tool:
        return None
    ok = result.exit_code == _SUCCESS
    said = " ".join(result.output)
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
