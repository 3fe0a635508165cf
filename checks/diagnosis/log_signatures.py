"""Stack traces and fatal errors in logs, in the shapes of Python, Node, Java and Go; grouped by what failed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from checks.diagnosis.verdict import Verdict
from fixtures.model.ecs import Service, Task
from fixtures.model.logs import LogEvent, ServiceLogs

_EXCERPT_LINES = 6
_SHOWN_GROUPS = 4
# One failed request a minute over ten minutes is more than bad input now and then: something is broken.
_MANY, _MANY_WITHIN = 10, dt.timedelta(minutes=10)
# What a task writes this soon after it started is about its start, not about a request.
_STARTING = dt.timedelta(minutes=2)
_PYTHON_HEAD = "Traceback (most recent call last)"
_PYTHON_LAST = re.compile(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|NotFound|DoesNotExist)\b)(?::\s*(?P<text>.*))?$"
)
# The boundary keeps a word of megabytes from being tried from each of its letters; nothing that may be blank precedes
# what may be anything, so that blanks are gone through once.
_NODE = re.compile(
    r"(?:Uncaught\s+)?\b(?P<kind>\w*(?:Error|Exception))(?: \[\w+\])?:(?P<text>.*)\n\s+at .+:\d+:\d+\)?", re.MULTILINE
)
_NODE_FATAL = re.compile(r"(?P<kind>UnhandledPromiseRejection\w*|FATAL ERROR|ERR_\w+)\b:?\s*(?P<text>.*)")
_JAVA = re.compile(
    r"(?:Exception in thread \"[^\"]*\"\s+|Caused by:\s+)(?P<kind>[\w.$]+(?:Exception|Error))(?::\s*(?P<text>.*))?"
)
_JAVA_FRAMES = re.compile(r"^(?P<kind>[\w.$]+(?:Exception|Error))(?::(?P<text>.*))?\n\s+at [\w.$]+\(", re.MULTILINE)
_GO = re.compile(r"^(?P<kind>panic|fatal error):\s*(?P<text>.*)$", re.MULTILINE)
_OTHER_LEVELS = r"(?:HIGH|MEDIUM|LOW|NEGLIGIBLE|UNKNOWN|ERRORS?|WARN(?:ING)?S?)\b"
# Beside counts of other levels it counts findings itself: "CRITICAL 0 HIGH 2", "HIGH: 2, CRITICAL: 1".
_COUNTED = re.compile(
    rf"\b(?:FATAL|CRITICAL|PANIC)[^\w\n]{{1,3}}\d{{1,6}}[^\w\n]{{1,3}}{_OTHER_LEVELS}"
    rf"|\b{_OTHER_LEVELS}[^\w\n]{{1,3}}\d{{1,6}}[^\w\n]{{1,3}}(?:FATAL|CRITICAL|PANIC)\b"
)
# So it does before a number and nothing else, after "0" and "no", and in a list of levels: "CRITICAL,HIGH". Other
# numbers are times, process ids and what the text begins with; after a slash, Celery names the process.
_FATAL = re.compile(
    r"(?:^|\s|\"level\":\s*\")(?<![\s(]0\s)(?<!\bno\s)(?P<kind>FATAL|CRITICAL|PANIC)\b"
    rf"(?!\W{{0,3}}\d{{1,6}}[ ),.|]{{0,3}}(?:\n|$))(?![,|]\w|/{_OTHER_LEVELS})"
    r"(?:/\w{1,60})?[\"\]:]*\s*(?P<text>.*)"
)
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"", re.IGNORECASE)


class Trace(Struct, frozen=True):
    """One kind of failure in a log. ``language`` is python, node, java, go or "" for a bare fatal line."""

    language: str
    kind: str
    text: str

    @property
    def title(self) -> str:
        """Kind and text in one line."""
        return f"{self.kind}: {self.text}".rstrip(": ")


def recognise(message: str) -> Trace | None:
    """The stack trace or fatal error in a message, None where there is none."""
    if _PYTHON_HEAD in message:
        return _python(message)
    for language, pattern in (
        ("go", _GO),
        ("java", _JAVA),
        ("java", _JAVA_FRAMES),
        ("node", _NODE),
        ("node", _NODE_FATAL),
    ):
        found = pattern.search(message)
        if found:
            return _trace(language, found)
    fatal = _FATAL.search(_COUNTED.sub("", message))
    return _trace("", fatal) if fatal else None


def _trace(language: str, found: re.Match[str]) -> Trace:
    return Trace(language, found["kind"], (found["text"] or "").strip()[:300])


def _python(message: str) -> Trace:
    """A traceback ends with the exception, the only line after its head that is not indented."""
    last = [m for line in message.splitlines() if (m := _PYTHON_LAST.match(line.strip())) and not line.startswith(" ")]
    if last:
        return _trace("python", last[-1])
    return Trace("python", "Traceback", "")


class Group(Struct, frozen=True):
    """Failures of one kind, newest first."""

    trace: Trace
    events: tuple[LogEvent, ...]


def grouped(events: Iterable[LogEvent]) -> list[Group]:
    """Failures by kind and text (numbers and quoted parts aside), the most recent kind first."""
    found: dict[tuple[str, str], list[tuple[Trace, LogEvent]]] = {}
    for event in events:
        trace = recognise(event.message)
        if trace is not None:
            found.setdefault((trace.kind, _NUMBERS.sub("#", trace.text)), []).append((trace, event))
    groups = [Group(many[0][0], tuple(e for _, e in many)) for many in found.values()]
    return sorted(groups, key=lambda g: g.events[0].at, reverse=True)


def judge(service: Service, logs: ServiceLogs, since: dt.datetime, running: Sequence[Task]) -> Verdict:
    """No stack trace or fatal error since the present deployment began.

    Those that were handled are milder.

    Args:
        since: when what runs now was deployed.
        running: the running tasks.
    """
    recent = [e for e in logs.events if e.at >= since]
    groups = grouped(recent)
    total = sum(len(g.events) for g in groups)
    newest = groups[0] if groups else None
    signs = _signs(groups)
    handled = _were_handled(groups, signs, running)
    return Verdict(
        ok=not groups,
        resource=service.arn,
        name=service.service,
        observed=f"{total} stack traces or fatal errors in {', '.join(logs.groups)}, newest {newest.trace.title}"
        if newest
        else "no stack traces",
        expected="none since the present deployment",
        evidence=tuple(line for g in groups[:_SHOWN_GROUPS] for line in _told(g))
        + (("only the newest part of the log was read",) if logs.is_cut_after(since) else ()),
        brief=f"{newest.trace.kind} in its log" if newest else "",
        severity="medium" if handled else None,
        related=service.related,
        # A request that failed explains neither a task that stops nor one that does not answer at all.
        signs=("request",) if handled and signs == ("crash",) else signs,
        names={"service": service.service, "log_group": logs.groups[0] if logs.groups else ""},
    )


def _were_handled(groups: Sequence[Group], signs: tuple[str, ...], running: Sequence[Task]) -> bool:
    """Whether failures cost a request each, and no more: the tasks that wrote them still run, and there are few.

    Several are not taken for that if they tell of more than the code's own mistake (a connection, memory, storage), or
    come from a task that was just starting.
    """
    started = {t.id: t.started_at or t.created_at for t in running}
    events = [e for g in groups for e in g.events]
    if not events or any(e.task not in started for e in events):
        return False
    if len(events) == 1:
        return True
    starting = any(e.at - started[e.task] < _STARTING for e in events)
    return signs == ("crash",) and not starting and not _are_many([e.at for e in events])


def _are_many(times: Iterable[dt.datetime]) -> bool:
    """Whether there are ``_MANY`` within ``_MANY_WITHIN`` anywhere."""
    ordered = sorted(times)
    return any(later - earlier <= _MANY_WITHIN for earlier, later in zip(ordered, ordered[_MANY - 1 :], strict=False))


def _told(group: Group) -> list[str]:
    newest = group.events[0]
    times = f"{len(group.events)}×, last at" if len(group.events) > 1 else "at"
    lines = newest.message.splitlines()
    shown = lines if len(lines) <= _EXCERPT_LINES else [lines[0], "…", *lines[-(_EXCERPT_LINES - 2) :]]
    head = f"{group.trace.title} ({times} {newest.at:%m-%d %H:%M:%S}Z, task {newest.task})"
    return [head, *(f"  {line}" for line in shown)]


# What an application's own words point to; finer than any exception's name.
_SIGNS = (
    ("network", r"timed?[ _]?out|ETIMEDOUT|unreachable"),
    ("refused", r"refused|ECONNREFUSED"),
    ("dns", r"could not translate host name|ENOTFOUND|Name or service not known|getaddrinfo"),
    ("authentication", r"password authentication failed|28P01"),
    ("tls", r"no pg_hba\.conf entry|SSL|certificate"),
    ("connections", r"too many clients|remaining connection slots"),
    ("storage", r"No space left|could not extend file"),
    ("memory", r"MemoryError|heap out of memory|OutOfMemory"),
)


def _signs(groups: Sequence[Group]) -> tuple[str, ...]:
    text = "\n".join(e.message for g in groups for e in g.events[:3])
    found = tuple(sign for sign, pattern in _SIGNS if re.search(pattern, text, re.IGNORECASE))
    return found or (("crash",) if groups else ())


def group_exists(service: Service, logs: ServiceLogs, made_by_ecs: Iterable[str] = ()) -> Verdict:
    """The log groups that the task definition names exist: a task that cannot log does not start.

    Args:
        made_by_ecs: groups that ECS makes by itself when a task starts (``awslogs-create-group``).
    """
    made = set(made_by_ecs)
    missing = [g for g in logs.missing_groups if g not in made]
    return Verdict(
        ok=not missing,
        resource=f"log-group/{missing[0]}" if missing else service.arn,
        name=missing[0] if missing else service.service,
        observed=f"log group {', '.join(missing)} does not exist" if missing else "it is there",
        expected=f"the log groups of {service.service}",
        related=service.related,
        signs=("configuration",),
        names={"service": service.service, "log_group": missing[0] if missing else ""},
    )
