"""Where a load balancer sends a request: its rules, evaluated as the load balancer does.

Rules are tried by priority, the default one last; the first whose conditions all fit answers. Of a condition any value
suffices. ``*`` stands for any characters, ``?`` for exactly one. Paths and methods are compared with case; host names,
header values and query strings without (ELB user guide, "Condition types for listener rules").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from checks.diagnosis.patterns import example, filled, fits, found, samples
from checks.diagnosis.verdict import Verdict
from fixtures.errors import NotApplicable
from fixtures.model.alb import Action, Attachment, Condition, ListenerRules, Redirect, Routing, Rule

_HOPS = 5
# An address of nobody (RFC 5737): a rule for certain sources does not fit a client that is not known.
_SOMEBODY = "203.0.113.1"
_LOGIN = ("authenticate-oidc", "authenticate-cognito", "jwt-validation")


class Request(Struct, frozen=True):
    """What conditions look at."""

    path: str
    host: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    source: str = _SOMEBODY


class Outcome(Struct, frozen=True):
    """What becomes of a request.

    Args:
        kind: forward, fixed-response, redirect-away, redirect-loop, redirect-nowhere, or nothing.
        groups: weights by target group.
        detail: status of a fixed response, address of a redirect.
        login: whether somebody who is not logged in is asked to.
        hops: rules that were passed, redirects included.
    """

    kind: str
    rule: Rule
    listener: ListenerRules
    groups: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""
    login: bool = False
    hops: tuple[str, ...] = ()

    def reaches(self, groups: Iterable[str]) -> bool:
        """Whether a request can get to one of the groups."""
        return self.kind == "forward" and any(self.groups.get(g, 0) > 0 for g in groups)

    @property
    def ends_well(self) -> bool:
        """Whether somebody seems to have meant it so: targets, another site or a page answer."""
        fixed = self.kind == "fixed-response" and not self.detail.startswith("5")
        return fixed or self.kind == "redirect-away" or (self.kind == "forward" and any(self.groups.values()))

    @property
    def words(self) -> str:
        """``rule 1 answers 503 by itself``."""
        return f"{self.rule.name} of {self.listener.listener.name} {self._does()}"

    def _does(self) -> str:
        if self.kind == "forward":
            names = [f"{_group_name(g)} (weight {w})" for g, w in self.groups.items()]
            return f"forwards to {', '.join(names) or 'no target group'}"
        return {
            "fixed-response": f"answers {self.detail} by itself",
            "redirect-away": f"redirects to {self.detail}",
            "redirect-loop": f"redirects to {self.detail}, round and round",
            "redirect-nowhere": f"redirects to {self.detail}, where no listener is",
        }.get(self.kind, "does nothing with it")


def _group_name(arn: str) -> str:
    parts = arn.split("/")
    return parts[-2] if len(parts) > 2 else arn


# -- conditions ---------------------------------------------------------------------------------------------------


def _path(condition: Condition, request: Request) -> bool:
    return any(fits(v, request.path) for v in condition.values)


def _host(condition: Condition, request: Request) -> bool:
    return any(fits(v, request.host, ignore_case=True) for v in condition.values)


def _header(condition: Condition, request: Request) -> bool:
    given = {k.lower(): v for k, v in request.headers.items()}
    text = given.get(condition.name.lower())
    return text is not None and any(fits(v, text, escapes=True, ignore_case=True) for v in condition.values)


def _method(condition: Condition, request: Request) -> bool:
    return request.method in condition.values


def _query(condition: Condition, request: Request) -> bool:
    return any(_pair_fits(v, k, text) for v in condition.values for k, text in request.query)


def _pair_fits(wanted: str, key: str, text: str) -> bool:
    name, equals, value = wanted.partition("=")
    if not equals:
        return fits(name, text, escapes=True, ignore_case=True)
    return fits(name, key, escapes=True, ignore_case=True) and fits(value, text, escapes=True, ignore_case=True)


def _source(condition: Condition, request: Request) -> bool:
    client = ipaddress.ip_address(request.source)
    return any(client in _network(v) for v in condition.values)


def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(cidr, strict=False)


_CONDITIONS: Mapping[str, Callable[[Condition, Request], bool]] = {
    "path-pattern": _path,
    "host-header": _host,
    "http-header": _header,
    "http-request-method": _method,
    "query-string": _query,
    "source-ip": _source,
}
_SUBJECTS: Mapping[str, Callable[[Condition, Request], str]] = {
    "path-pattern": lambda _, r: r.path,
    "host-header": lambda _, r: r.host.lower(),
    "http-header": lambda c, r: {k.lower(): v for k, v in r.headers.items()}.get(c.name.lower(), ""),
}


def satisfied(condition: Condition, request: Request) -> bool:
    """Whether one condition fits. A kind that is not known fits nothing, and so takes no request from anybody."""
    look = _CONDITIONS.get(condition.kind)
    if look is None:
        return False
    return look(condition, request) or _by_expression(condition, request)


def _by_expression(condition: Condition, request: Request) -> bool:
    subject = _SUBJECTS.get(condition.kind)
    return subject is not None and any(found(e, subject(condition, request)) for e in condition.expressions)


def first_match(rules: Sequence[Rule], request: Request) -> Rule | None:
    """The rule that answers a request; rules are in the order in which they are tried."""
    return next((r for r in rules if all(satisfied(c, request) for c in r.conditions)), None)


# -- what becomes of a request ------------------------------------------------------------------------------------


def evaluate(routing: Routing, start: ListenerRules, request: Request) -> Outcome:
    """What becomes of a request that arrives at a listener; redirects to the load balancer itself are followed."""
    listener, asked = start, request
    seen: set[str] = set()
    hops: list[str] = []
    while True:
        outcome = _once(listener, asked)
        hops.append(outcome.words)
        outcome = replace(outcome, hops=tuple(hops))
        action = outcome.rule.final
        if outcome.kind != "redirect" or action is None or action.redirect is None:
            return outcome
        address = _redirected(action.redirect, listener, asked)
        outcome = replace(outcome, detail=address)
        following = _listener_of(routing, address, request.host)
        if isinstance(following, str):
            return replace(outcome, kind=following)
        here = f"{listener.listener.scheme}://{asked.host}:{listener.listener.port}{asked.path}"
        seen.add(here)
        if address.partition("?")[0] in seen or len(seen) > _HOPS:
            return replace(outcome, kind="redirect-loop")
        parts = urlsplit(address)
        listener, asked = following, replace(asked, path=parts.path or "/", host=parts.hostname or asked.host)


def _once(listener: ListenerRules, request: Request) -> Outcome:
    rule = first_match(listener.rules, request)
    if rule is None:
        return Outcome("nothing", Rule("", None, (), ()), listener)
    action = rule.final or Action("nothing", 0)
    login = any(a.kind in _LOGIN for a in rule.actions)
    detail = action.status_code if action.kind == "fixed-response" else ""
    return Outcome(action.kind, rule, listener, dict(action.groups), detail, login)


def _redirected(redirect: Redirect, listener: ListenerRules, request: Request) -> str:
    values = {
        "#{protocol}": listener.listener.scheme.upper(),
        "#{host}": request.host,
        "#{port}": str(listener.listener.port),
        "#{path}": request.path.lstrip("/"),
        "#{query}": "&".join(f"{k}={v}" for k, v in request.query),
    }

    def filled(text: str) -> str:
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    query = filled(redirect.query)
    path = filled(redirect.path)
    address = f"{filled(redirect.protocol).lower()}://{filled(redirect.host)}:{filled(redirect.port)}{path}"
    return f"{address}?{query}" if query else address


def _listener_of(routing: Routing, address: str, host: str) -> ListenerRules | str:
    """The listener that a redirect leads to, or how it ends."""
    parts = urlsplit(address)
    own = {host.lower(), routing.load_balancer.dns_name.lower()}
    if (parts.hostname or "") not in own:
        return "redirect-away"
    found = [one for one in routing.listeners if one.listener.port == parts.port]
    fitting = [one for one in found if one.listener.scheme == parts.scheme]
    return fitting[0] if fitting else "redirect-nowhere"


# -- whether requests reach a service -----------------------------------------------------------------------------


def _own_rules(routings: Iterable[Routing], groups: Sequence[str]) -> list[Rule]:
    rules = [r for routing in routings for one in routing.listeners for r in one.rules]
    return [r for r in rules if any(r.groups.get(g, 0) > 0 for g in groups)]


def own_paths(routings: Iterable[Routing], groups: Sequence[str]) -> tuple[str, ...]:
    """Path patterns of the rules that forward to the groups; ``/*`` where a rule does not look at the path.

    Of a regular expression a path that fits it, where one is found.
    """
    patterns: list[str] = []
    for rule in _own_rules(routings, groups):
        own = [c for c in rule.conditions if c.kind == "path-pattern"]
        patterns += [v for c in own for v in (*c.values, *map(example, c.expressions)) if v] if own else ["/*"]
    return tuple(dict.fromkeys(patterns))


def witnesses(routing: Routing, groups: Sequence[str], path: str) -> tuple[Request, ...]:
    """Requests for a path that could reach the groups: a plain one, and one that fits each of their own rules."""
    plain = Request(path, routing.load_balancer.dns_name)
    found = [plain]
    for rule in _own_rules([routing], groups):
        request = plain
        for condition in rule.conditions:
            request = _fitting(condition, request)
        found.append(request)
    return tuple({_identity(r): r for r in found}.values())


def _identity(request: Request) -> tuple[object, ...]:
    return (request.path, request.host, request.method, tuple(request.headers.items()), request.query, request.source)


def _fitting(condition: Condition, request: Request) -> Request:
    """The request changed so that it fits a condition about anything but the path."""
    value = next(iter(condition.values), "")
    text = filled(value) or next(filter(None, map(example, condition.expressions)), "")
    if condition.kind == "host-header" and text:
        return replace(request, host=text)
    if condition.kind == "http-header" and text:
        return replace(request, headers={**request.headers, condition.name: text})
    if condition.kind == "http-request-method" and value:
        return replace(request, method=value)
    if condition.kind == "query-string" and value:
        name, equals, rest = text.partition("=")
        return replace(request, query=(*request.query, (name, rest) if equals else ("q", name)))
    if condition.kind == "source-ip" and value:
        return replace(request, source=str(_network(value).network_address))
    return request


def route(routing: Routing, groups: Sequence[str], pattern: str, *, wanted: bool = True) -> Outcome | None:
    """How a path pattern reaches the groups, or else what requests meet instead; None without listeners.

    Every listener that has a rule for the groups and the pattern must deliver: others serve other paths, or a test.
    Where none has one, what the first listener does is told.

    Args:
        wanted: the target asks for the pattern; otherwise it is only what a rule says.
    """
    own = [(one, [r for r in one.rules if any(r.groups.get(g, 0) > 0 for g in groups)]) for one in routing.listeners]
    named = [one for one, rules in own if any(_about(r, pattern) for r in rules)] or [
        one for one, rules in own if rules
    ]
    met = [at_listener(routing, one, groups, pattern, wanted=wanted) for one in named or routing.listeners]
    missed = [o for o in met if not o.reaches(groups)]
    return next(iter((*missed, *met)), None)


def _about(rule: Rule, pattern: str) -> bool:
    """Whether a rule looks at a path pattern's paths at all."""
    paths = [c for c in rule.conditions if c.kind == "path-pattern"]
    return any(all(satisfied(c, Request(sample, "")) for c in paths) for sample in samples(pattern))


def at_listener(
    routing: Routing, listener: ListenerRules, groups: Sequence[str], pattern: str, *, wanted: bool = True
) -> Outcome:
    """What becomes of a path pattern at one listener: delivered if, for one kind of client, all its samples are.

    Args:
        wanted: otherwise one sample suffices, as long as the others end well elsewhere: rules take parts of the paths
            of other rules all the time.
    """
    sampled = [witnesses(routing, groups, s) for s in samples(pattern)]
    met: list[Outcome] = []
    for same_client in zip(*sampled, strict=True):
        outcomes = [evaluate(routing, listener, request) for request in same_client]
        lost = [o for o in outcomes if not o.reaches(groups) and (wanted or not o.ends_well)]
        arrived = [o for o in outcomes if o.reaches(groups)]
        met.append(next(iter((*lost, *arrived, *outcomes))))
    # The first is the plain request's.
    return next((o for o in met if o.reaches(groups)), met[0])


def reaches(
    service: str, attachments: Sequence[Attachment], routings: Sequence[Routing], wanted: Sequence[str]
) -> Verdict:
    """Whether requests for a service's paths get to its target groups.

    Args:
        wanted: path patterns from the target; where it lists none, those of the rules that name the groups.

    Raises:
        NotApplicable: neither tells a path.
    """
    groups = tuple(dict.fromkeys(a.group_arn for a in attachments))
    patterns = tuple(wanted) or own_paths(routings, groups)
    unclear = [] if patterns else _own_rules(routings, groups)
    if unclear:
        raise NotApplicable(
            f"which paths {unclear[0].name} takes, only a regular expression says: list them as 'paths' of {service}"
        )
    by_pattern = {
        p: [o for r in routings if (o := route(r, groups, p, wanted=bool(wanted))) is not None] for p in patterns
    }
    missed = {p: met for p, met in by_pattern.items() if not any(o.reaches(groups) for o in met)}
    if patterns and not missed:
        return _reached(service, attachments, routings, patterns, by_pattern)
    return _missed(service, attachments, routings, patterns, missed)


def _reached(
    service: str,
    attachments: Sequence[Attachment],
    routings: Sequence[Routing],
    patterns: Sequence[str],
    by_pattern: Mapping[str, Sequence[Outcome]],
) -> Verdict:
    return Verdict(
        ok=True,
        resource=attachments[0].group_arn,
        name=service,
        observed=f"{', '.join(patterns)} reach {attachments[0].name}",
        expected="requests for its paths forwarded to its targets",
        evidence=tuple(f"{p}: {o.words}" for p, met in by_pattern.items() for o in met[:1]),
        related=_related(service, attachments, routings),
    )


def _missed(
    service: str,
    attachments: Sequence[Attachment],
    routings: Sequence[Routing],
    patterns: Sequence[str],
    missed: Mapping[str, Sequence[Outcome]],
) -> Verdict:
    taken = [(p, o) for p, met in missed.items() for o in met[:1]]
    observed = "; ".join(f"{p}: {o.words}" for p, o in taken)
    if not observed:
        observed = "no listener rule forwards to it" if routings else "no load balancer uses its target group"
        observed = f"{', '.join(missed)}: {observed}" if missed else observed
    rules = [line for r in routings for line in _listed(r, {id(o.rule) for _, o in taken})]
    first = routings[0].load_balancer if routings else None
    listener = taken[0][1].listener.listener if taken else None
    names = {"target_group": attachments[0].name, "target_group_arn": attachments[0].group_arn}
    names |= {"load_balancer": first.name, "load_balancer_arn": first.arn} if first else {}
    names |= {"listener_arn": listener.arn} if listener else {}
    return Verdict(
        ok=False,
        resource=attachments[0].group_arn,
        name=service,
        observed=observed,
        expected=f"{', '.join(patterns) or 'requests'} forwarded to {attachments[0].name}",
        evidence=(*(f"{p}: {' → '.join(o.hops)}" for p, o in taken), *rules),
        related=_related(service, attachments, routings),
        signs=("configuration",),
        names=names,
        likely_cause=_cause(taken, attachments),
        # A path that nobody asked for and no rule names: a group that is merely left over.
        severity=None if patterns else "medium",
    )


def _related(service: str, attachments: Sequence[Attachment], routings: Sequence[Routing]) -> tuple[str, ...]:
    listeners = (one.listener.arn for r in routings for one in r.listeners)
    balancers = (r.load_balancer.arn for r in routings)
    return (f"service/{service}", *(a.group_arn for a in attachments), *balancers, *listeners)


def _cause(taken: Sequence[tuple[str, Outcome]], attachments: Sequence[Attachment]) -> str:
    groups = {a.group_arn for a in attachments}
    for _, outcome in taken:
        if outcome.kind == "fixed-response":
            return f"{outcome.rule.name} answers {outcome.detail} itself, before any rule that forwards"
        if outcome.kind in ("redirect-loop", "redirect-nowhere"):
            return outcome.words
        if outcome.kind == "forward" and groups & set(outcome.groups):
            return f"{outcome.rule.name} forwards with weight 0"
        if outcome.kind == "forward" and outcome.rule.priority is None:
            return "the rule for the path is missing, so the default rule takes it"
        if outcome.kind == "forward":
            return f"{outcome.rule.name} comes first and takes the path"
    return ""


def _listed(routing: Routing, marked: set[int]) -> list[str]:
    return [
        f"{one.listener.name} {described(r)}{'  ← takes the request' if id(r) in marked else ''}"
        for one in routing.listeners
        for r in one.rules[:50]
    ]


def described(rule: Rule) -> str:
    """A rule in words: ``rule 10: path-pattern /products/* → forward …``."""
    conditions = " and ".join(
        f"{c.kind}{' ' + c.name if c.name else ''} {' or '.join((*c.values, *c.expressions))}" for c in rule.conditions
    )
    return f"{rule.name}: {conditions or 'everything'} → {_action_words(rule)}"


def _action_words(rule: Rule) -> str:
    action = rule.final
    if action is None:
        return "nothing"
    if action.kind == "forward":
        return "forward to " + ", ".join(f"{_group_name(g)} ({w})" for g, w in action.groups.items())
    if action.kind == "redirect" and action.redirect is not None:
        r = action.redirect
        return f"redirect {r.status_code} to {r.protocol}://{r.host}:{r.port}{r.path}"
    return f"{action.kind} {action.status_code}".strip()
