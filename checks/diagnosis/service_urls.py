"""Where the addresses in a service's environment lead: a listener's rules decide, not the name of the variable.

``http://alb/products`` does not fit the pattern ``/products/*``, so the default rule answers it; an address without a
path may lead to the very service that asks. Both answer 200 with somebody else's page, and nothing looks broken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from checks.diagnosis.listener_rules import Outcome, Request, evaluate, own_paths, witnesses
from checks.diagnosis.patterns import samples
from checks.diagnosis.verdict import Verdict, worst
from fixtures.model.alb import ListenerRules, Routing
from fixtures.model.ecs import Service, TaskDefinition

_PORTS = {"http": 80, "https": 443}
_SOMETHING = "runbook-check"


class Address(Struct, frozen=True):
    """A variable whose value is the address of a load balancer of the environment."""

    container: str
    variable: str
    url: str
    routing: Routing

    @property
    def parts(self) -> SplitResult:
        """The address, split."""
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        """The port that it says or means."""
        return self.parts.port or _PORTS[self.parts.scheme]

    @property
    def listener(self) -> ListenerRules | None:
        """Who takes the request, None where nobody listens on that port with that scheme."""
        fitting = (
            one
            for one in self.routing.listeners
            if one.listener.port == self.port and one.listener.scheme == self.parts.scheme
        )
        return next(fitting, None)


def addresses(definition: TaskDefinition, routings: Sequence[Routing]) -> tuple[Address, ...]:
    """The variables of a task definition that hold the address of one of the load balancers."""
    variables = ((c.name, name, value) for c in definition.containers for name, value in c.environment.items())
    return tuple(
        Address(container, name, value.strip(), routing)
        for container, name, value in variables
        for routing in routings
        if _host(value) in _names(routing)
    )


def _host(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        # A port that is no number shows only when it is asked for.
        usable = parts.scheme in _PORTS and parts.port is not False
    except ValueError:
        return ""
    return (parts.hostname or "") if usable else ""


def _names(routing: Routing) -> set[str]:
    conditions = (c for one in routing.listeners for r in one.rules for c in r.conditions if c.kind == "host-header")
    named = {v.lower() for c in conditions for v in c.values if "*" not in v and "?" not in v}
    return {routing.load_balancer.dns_name.lower(), *named}


def meant(variable: str, services: Sequence[str]) -> str:
    """The service that a variable's name speaks of: ``ORDERS_API_URL`` → ``order``; "" where it names none, or several.

    Args:
        services: short names.
    """
    words = f"_{re.sub(r'[^a-z0-9]+', '_', variable.lower())}_"
    # Services that were discovered are called by their whole names, of which variables leave the common part out.
    common = _shared_start(services)
    named = [s for s in services if any(f"_{form}_" in words for form in _forms(s, common))]
    longest = max(named, key=len, default="")
    return longest if all(s in longest for s in named) else ""


def _shared_start(services: Sequence[str]) -> str:
    parts = [s.split("-") for s in services]
    same = [p[0] for p in zip(*parts, strict=False) if len(set(p)) == 1]
    whole = "-".join(same)
    return whole if len(services) > 1 and all(s.startswith(f"{whole}-") for s in services) else ""


def _forms(service: str, common: str) -> tuple[str, ...]:
    own = service.removeprefix(common).strip("-").lower()
    plain = [re.sub(r"[^a-z0-9]+", "_", name) for name in (own, own.removesuffix("-service")) if name]
    return tuple(f"{name}{plural}" for name in plain for plural in ("", "s"))


def judge(
    service: Service, found: Sequence[Address], groups: Mapping[str, Sequence[str]], paths: Mapping[str, Sequence[str]]
) -> Verdict:
    """Every address that names another service leads to that service, and not back to the one that asks.

    Args:
        groups: target groups of each service by short name, none for one without a load balancer.
        paths: path patterns that the target says each service answers; those of its rules where it says none.
    """
    verdicts = tuple(_judge(service, one, groups, paths) for one in found)
    return worst(verdicts, otherwise=verdicts[0])


def _judge(
    service: Service, address: Address, groups: Mapping[str, Sequence[str]], paths: Mapping[str, Sequence[str]]
) -> Verdict:
    wanted = meant(address.variable, tuple(groups))
    if address.listener is None:
        ports = ", ".join(one.listener.name for one in address.routing.listeners) or "nothing"
        return _verdict(service, address, wanted, f"nothing listens there: the load balancer has {ports}")
    if not wanted or wanted == service.name:
        # A service's own public address, or a base for several: where it leads is no mistake by its name.
        return _verdict(service, address, "", _dead_end(address))
    if address.parts.path in ("", "/"):
        return _verdict(service, address, wanted, _base(service, address, wanted, groups, paths))
    return _path(service, address, wanted, groups)


def _ask(address: Address, path: str, groups: Sequence[str]) -> Outcome:
    """What becomes of a path: the outcome of the kind of client that gets through, where there is one."""
    assert address.listener is not None
    host = address.parts.hostname or ""
    clients = [replace(r, host=host) for r in witnesses(address.routing, groups, path)] or [Request(path, host)]
    met = [evaluate(address.routing, address.listener, c) for c in clients]
    return next((o for o in met if o.reaches(groups)), met[0])


def _dead_end(address: Address) -> str:
    outcome = _ask(address, address.parts.path or "/", ())
    return outcome.words if outcome.kind in ("redirect-loop", "redirect-nowhere") else ""


def _base(
    service: Service,
    address: Address,
    wanted: str,
    groups: Mapping[str, Sequence[str]],
    paths: Mapping[str, Sequence[str]],
) -> str:
    """An address without a path: the application adds one, so one of the service's own paths must arrive."""
    patterns = tuple(paths.get(wanted, ())) or own_paths([address.routing], groups[wanted])
    asked = [(s, _ask(address, s, groups[wanted])) for p in patterns for s in samples(p)]
    if any(o.reaches(groups[wanted]) for _, o in asked):
        return ""
    if asked:
        path, outcome = asked[0]
        return f"{path} there leads {_where(service, outcome, groups)}"
    return f"no rule there leads to {wanted}"


def _path(service: Service, address: Address, wanted: str, groups: Mapping[str, Sequence[str]]) -> Verdict:
    path = address.parts.path
    written = _ask(address, path, groups[wanted])
    deeper = _ask(address, f"{path.rstrip('/')}/{_SOMETHING}", groups[wanted])
    if written.reaches(groups[wanted]):
        return _verdict(service, address, wanted, "")
    leads = _where(service, written, groups)
    if not deeper.reaches(groups[wanted]):
        return _verdict(service, address, wanted, f"it leads {leads}", written)
    said = f"{path} itself leads {leads}; only what lies below it leads to {wanted}"
    verdict = _verdict(service, address, wanted, said, written)
    # Whether the application ever asks for the bare path, only its code says.
    return replace(verdict, severity="medium", likely_cause=f"a pattern {path}/* does not fit {path} without a slash")


def _where(service: Service, outcome: Outcome, groups: Mapping[str, Sequence[str]]) -> str:
    others = [name for name, own in groups.items() if outcome.reaches(own)]
    if service.name in others:
        return f"back to {service.name} itself ({outcome.words})"
    return f"to {others[0]} ({outcome.words})" if others else f"to no service ({outcome.words})"


def _verdict(service: Service, address: Address, wanted: str, problem: str, outcome: Outcome | None = None) -> Verdict:
    balancer, listener = address.routing.load_balancer, address.listener
    back = f"back to {service.name} itself" in problem
    return Verdict(
        ok=not problem,
        resource=service.arn,
        name=service.service,
        observed=f"{address.variable}={address.url}: {problem}"
        if problem
        else f"{address.variable} leads where it says",
        expected=f"an address that leads to {wanted}" if wanted else "an address that somebody answers",
        evidence=(
            f"container {address.container}: {address.variable}={address.url}",
            *((" → ".join(outcome.hops),) if outcome else ()),
        ),
        related=(*service.related, balancer.arn, *((f"service/{wanted}",) if wanted else ())),
        signs=("configuration",),
        names={
            "service": service.service,
            "container": address.container,
            "load_balancer": balancer.name,
            "load_balancer_arn": balancer.arn,
        }
        | ({"listener_arn": listener.listener.arn} if listener else {}),
        likely_cause=f"{service.name} asks itself instead of {wanted}, over the load balancer" if back else "",
    )


def health_path_is_own(
    service: Service, path: str, routings: Sequence[Routing], groups: Mapping[str, Sequence[str]]
) -> Verdict | None:
    """Whoever asks a load balancer for a service's health path hears that service; None where nobody at all answers.

    Listener rules usually send ``/health`` to one service, so that its answer is taken for everybody's.
    """
    own = groups[service.name]
    met = [
        (routing, o)
        for routing in routings
        for one in routing.listeners
        for o in _met(routing, one, path, own)
        if o.kind == "forward"
    ]
    if not met:
        return None
    hit = next((m for m in met if m[1].reaches(own)), None)
    routing, outcome = hit or met[0]
    others = [name for name, theirs in groups.items() if outcome.reaches(theirs)]
    balancer = routing.load_balancer
    url = f"{outcome.listener.listener.scheme}://{balancer.dns_name}{path}"
    return Verdict(
        ok=hit is not None,
        resource=own[0],
        name=service.service,
        observed=f"{path} at {balancer.name} is answered by {others[0] if others else 'another target group'}"
        if hit is None
        else f"{path} at {balancer.name} is answered by {service.name}",
        expected=f"a path of its own that leads to {service.name}, so that its health can be asked from outside",
        evidence=(f"{url}: {outcome.words}",),
        related=(*service.related, *own, balancer.arn),
        names={
            "service": service.service,
            "load_balancer": balancer.name,
            "load_balancer_arn": balancer.arn,
            "listener_arn": outcome.listener.listener.arn,
            "health_url": url,
        },
    )


def _met(routing: Routing, listener: ListenerRules, path: str, groups: Sequence[str]) -> list[Outcome]:
    return [evaluate(routing, listener, request) for request in witnesses(routing, groups, path)]
