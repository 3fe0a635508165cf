"""Whether security groups let traffic through: from a source to a port (ingress), or out to a destination (egress).

The effective rules are the union over all groups attached to an interface; one rule that fits suffices, and none can
deny (EC2 user guide, "Security group rules"). Groups are stateful: answers need no rule of their own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import Database
from fixtures.model.network import Peer, Rule, SecurityGroup

Direction = Literal["ingress", "egress"]
# CIDRs of a prefix list by its id; may raise where the list could not be read.
PrefixLists = Callable[[str], Sequence[str]]
_PROTOCOLS = {"tcp": ("tcp", "6"), "udp": ("udp", "17")}


def no_prefix_lists(_: str) -> tuple[str, ...]:
    """For rules that name none."""
    return ()


class Passage(Struct, frozen=True):
    """Whether one place (an address or a range) gets through, and which rule of which group lets it."""

    place: str
    group: SecurityGroup | None = None
    rule: Rule | None = None
    through: str = ""

    def __bool__(self) -> bool:
        return self.rule is not None


def contains(cidr: str, place: str) -> bool:
    """Whether a range contains an address or a whole other range; never across IP versions."""
    try:
        outer = ipaddress.ip_network(cidr, strict=False)
        inner = ipaddress.ip_network(place, strict=False)
    except ValueError:
        return False
    if isinstance(outer, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(outer)


def speaks(rule: Rule, protocol: str) -> bool:
    """Whether a rule is about a protocol: by name, by number, or ``-1`` for all."""
    return rule.protocol == "-1" or rule.protocol.lower() in _PROTOCOLS.get(protocol, (protocol,))


def covers_port(rule: Rule, port: int) -> bool:
    """Whether a rule's range contains a port. ``-1`` rules have no range, and an absent one means all ports."""
    if rule.protocol == "-1" or rule.from_port in (None, -1):
        return True
    last = rule.to_port if rule.to_port is not None else rule.from_port
    return bool(rule.from_port is not None and rule.from_port <= port <= (last or 0))


def passage(
    groups: Iterable[SecurityGroup],
    peer: Peer,
    place: str,
    port: int,
    *,
    direction: Direction = "ingress",
    protocol: str = "tcp",
    prefix_lists: PrefixLists = no_prefix_lists,
) -> Passage:
    """The first rule of the attached groups that lets one of the peer's places through.

    Args:
        groups: the groups attached to the end whose rules are asked.
        peer: the other end: who connects (ingress), or is connected to (egress).
        place: one of the peer's addresses, or a range that has to fit as a whole.

    Raises:
        Unavailable: what ``prefix_lists`` raises, when only such a list could let it through.
    """
    fitting = [(g, r) for g, r in rules(groups, direction) if speaks(r, protocol) and covers_port(r, port)]
    for group, rule in fitting:
        through = _by_group(rule, peer) or _by_cidr(rule.cidrs, place)
        if through:
            return Passage(place, group, rule, through)
    # Last, since a list that could not be read matters only where nothing else lets through.
    return _by_prefix_list([(g, r, p) for g, r in fitting for p in r.prefix_lists], place, prefix_lists)


def _by_prefix_list(
    fitting: Iterable[tuple[SecurityGroup, Rule, str]], place: str, prefix_lists: PrefixLists
) -> Passage:
    """The first list that contains the place; what kept one from being read matters only if none does."""
    failures: list[Exception] = []
    for group, rule, one in fitting:
        found = _read(prefix_lists, one)
        if isinstance(found, Exception):
            failures.append(found)
        elif _by_cidr(found, place):
            return Passage(place, group, rule, one)
    if failures:
        raise failures[0]
    return Passage(place)


def _read(prefix_lists: PrefixLists, one: str) -> Sequence[str] | Exception:
    try:
        return prefix_lists(one)
    except Exception as e:
        return e


def rules(groups: Iterable[SecurityGroup], direction: Direction) -> Iterator[tuple[SecurityGroup, Rule]]:
    """All rules of one direction, with their groups."""
    for group in groups:
        for rule in group.ingress if direction == "ingress" else group.egress:
            yield group, rule


def _by_group(rule: Rule, peer: Peer) -> str:
    """The group reference that fits: the peer has that group, and a peering that it rests on is active."""
    fitting = (g.id for g in rule.groups if g.id in peer.security_groups and g.peering_status in ("", "active"))
    return next(fitting, "")


def _by_cidr(cidrs: Iterable[str], place: str) -> str:
    return next((c for c in cidrs if contains(c, place)), "")


def described(rule: Rule) -> str:
    """A rule in words: ``tcp 5432 for sg-1, 10.0.0.0/16``."""
    protocol = {"-1": "all traffic", "6": "tcp", "17": "udp"}.get(rule.protocol, rule.protocol)
    ports = "" if rule.protocol == "-1" or rule.from_port in (None, -1) else f" {_range(rule.from_port, rule.to_port)}"
    ends = (*(g.id for g in rule.groups), *rule.cidrs, *rule.prefix_lists)
    return f"{protocol}{ports} for {', '.join(ends) or 'nobody'}"


def _range(first: int | None, last: int | None) -> str:
    if first == 0 and last == 65535:
        return "all ports"
    return str(first) if last in (None, first) else f"{first}-{last}"


def misfit(rule: Rule, peer: Peer, places: Sequence[str], port: int, protocol: str = "tcp") -> str:
    """Why a rule does not let the peer through, as a clause."""
    if not speaks(rule, protocol):
        return f"not {protocol}"
    if not covers_port(rule, port):
        return f"port {port} is outside"
    inactive = [g for g in rule.groups if g.id in peer.security_groups]
    if inactive:
        return f"its VPC peering is {inactive[0].peering_status}"
    names = [*(["group"] if rule.groups else []), *(["range"] if rule.cidrs or rule.prefix_lists else [])]
    what = " and ".join(names) or "nothing"
    return f"its {what} does not fit {peer.name} ({', '.join((*peer.security_groups, *places)) or 'no address'})"


def judge(
    attached: Sequence[str],
    known: Mapping[str, SecurityGroup],
    owner: Peer,
    peer: Peer,
    port: int,
    *,
    direction: Direction = "ingress",
    protocol: str = "tcp",
    prefix_lists: PrefixLists = no_prefix_lists,
) -> Verdict:
    """Whether the owner's groups admit the peer on a port (ingress), or let the owner out to it (egress).

    All of the peer's addresses must pass. Where they do, but a subnet in which it may be placed next would not, the
    verdict is a milder one.

    Args:
        attached: ids of the owner's groups.
        known: groups by id.
        owner: the end that the groups are attached to.
        peer: the other end.

    Raises:
        Unavailable: only a prefix list that could not be read may decide.
    """
    groups = [known[g] for g in attached if g in known]

    def look(place: str) -> Passage:
        return passage(groups, peer, place, port, direction=direction, protocol=protocol, prefix_lists=prefix_lists)

    seen = [look(p) for p in peer.places]
    if not seen and not peer.places:
        # Nothing has an address yet: only group references can be judged, and those do not depend on one.
        seen = [look("")]
    blocked = [p.place for p in seen if not p]
    if blocked:
        return _refused(attached, groups, owner, peer, blocked, port, direction, protocol)
    later = [n for n in peer.networks if peer.addresses and not look(n)]
    if later:
        return _refused_later(attached, groups, owner, peer, later, port, direction, protocol)
    return _admitted(seen, attached, owner, peer, port, direction)


def _words(owner: Peer, peer: Peer, port: int, direction: Direction, protocol: str) -> tuple[str, str]:
    """(verb and object, in the negative; the same in the positive)."""
    if direction == "ingress":
        return f"admit {peer.name} on {protocol} {port}", f"{protocol} {port} open to {peer.name}"
    return f"let {owner.name} out to {peer.name} on {protocol} {port}", f"{protocol} {port} open towards {peer.name}"


def _admitted(
    seen: Sequence[Passage], attached: Sequence[str], owner: Peer, peer: Peer, port: int, direction: Direction
) -> Verdict:
    first = next(p for p in seen if p.group is not None and p.rule is not None)
    assert first.group is not None and first.rule is not None
    return Verdict(
        ok=True,
        resource=first.group.id,
        name=owner.name,
        observed=f"{first.group.id} allows {described(first.rule)}",
        expected=_words(owner, peer, port, direction, "tcp")[1],
        evidence=tuple(f"{p.place or peer.name}: {p.group.id if p.group else ''} through {p.through}" for p in seen),
        related=(owner.id, peer.id, *attached, *peer.security_groups),
        signs=("network",),
    )


def _refused(
    attached: Sequence[str],
    groups: Sequence[SecurityGroup],
    owner: Peer,
    peer: Peer,
    blocked: Sequence[str],
    port: int,
    direction: Direction,
    protocol: str,
) -> Verdict:
    verb, wanted = _words(owner, peer, port, direction, protocol)
    some = f" at {', '.join(blocked)}" if len(blocked) < len(peer.places) else ""
    ids = ", ".join(attached) or "no security group"
    return Verdict(
        ok=False,
        resource=attached[0] if attached else owner.id,
        name=owner.name,
        observed=f"no {direction} rule of {ids} would {verb}{some}",
        expected=wanted,
        evidence=_evidence(attached, groups, peer, blocked, port, direction, protocol),
        related=(owner.id, peer.id, *attached, *peer.security_groups),
        signs=("network",),
        names=_names(attached, peer, port, direction, protocol),
        likely_cause=_cause(groups, peer, blocked, port, direction, protocol),
        brief=f"no {direction} rule for {protocol} {port}{some}",
    )


def _refused_later(
    attached: Sequence[str],
    groups: Sequence[SecurityGroup],
    owner: Peer,
    peer: Peer,
    networks: Sequence[str],
    port: int,
    direction: Direction,
    protocol: str,
) -> Verdict:
    verb, wanted = _words(owner, peer, port, direction, protocol)
    return Verdict(
        ok=False,
        resource=attached[0] if attached else owner.id,
        name=owner.name,
        observed=f"works now, but no {direction} rule would {verb} from the subnets {', '.join(networks)}"
        if direction == "ingress"
        else f"works now, but no {direction} rule would {verb} in the subnets {', '.join(networks)}",
        expected=f"{wanted} in every subnet that it may be placed in",
        evidence=_evidence(attached, groups, peer, networks, port, direction, protocol),
        related=(owner.id, peer.id, *attached, *peer.security_groups),
        signs=("network",),
        names=_names(attached, peer, port, direction, protocol),
        severity="medium",
    )


def _evidence(
    attached: Sequence[str],
    groups: Sequence[SecurityGroup],
    peer: Peer,
    places: Sequence[str],
    port: int,
    direction: Direction,
    protocol: str,
) -> tuple[str, ...]:
    lines = [
        f"{g.id} ({g.name}) {direction}: {described(r)}: {misfit(r, peer, places, port, protocol)}"
        for g, r in rules(groups, direction)
    ]
    empty = [f"{g.id} ({g.name}) has no {direction} rule" for g in groups if not list(rules([g], direction))]
    known = {g.id for g in groups}
    gone = [f"{g} is attached, but there is no such group in the VPC" for g in attached if g not in known]
    return (*lines, *empty, *gone)


def _cause(
    groups: Sequence[SecurityGroup],
    peer: Peer,
    places: Sequence[str],
    port: int,
    direction: Direction,
    protocol: str,
) -> str:
    """The rule that comes nearest: right peer but wrong port, or right port but wrong peer."""
    found = [r for _, r in rules(groups, direction)]
    for rule in found:
        if _by_group(rule, peer) or any(_by_cidr(rule.cidrs, p) for p in places):
            return f"the rule that names {peer.name} is for {described(rule)}"
    for rule in found:
        if speaks(rule, protocol) and covers_port(rule, port):
            return f"{protocol} {port} is open, but for {described(rule).partition(' for ')[2]}"
    return f"the {direction} rule is missing"


def _names(attached: Sequence[str], peer: Peer, port: int, direction: Direction, protocol: str) -> dict[str, str]:
    """Values for the commands that show the groups, and for the one that adds the rule in its direction."""
    group = next(iter(peer.security_groups), "")
    inwards = direction == "ingress"
    end = f"{'from' if inwards else 'to'} {group or peer.name}"
    found = {"port": str(port), "wanted_rule": f"{direction} on {protocol} {port} {end}"}
    if attached:
        found["security_group"] = attached[0]
    if group and inwards:
        found["task_security_group"] = group
    elif group:
        ports = f"FromPort={port},ToPort={port}"
        found["egress_permissions"] = f"IpProtocol={protocol},{ports},UserIdGroupPairs=[{{GroupId={group}}}]"
    return found


def leaves(
    source: Peer,
    known: Mapping[str, SecurityGroup],
    destination: Peer,
    port: int,
    *,
    prefix_lists: PrefixLists = no_prefix_lists,
) -> Verdict:
    """Whether the source's own groups let it out to a destination.

    The exact address of a managed destination (a database) is not known, only its subnet: a rule for a part of that
    may or may not be enough, which is said instead of guessed.
    """
    attached = source.security_groups
    verdict = judge(attached, known, source, destination, port, direction="egress", prefix_lists=prefix_lists)
    if verdict or verdict.severity is not None:
        return verdict
    groups = [known[g] for g in attached if g in known]
    fitting = [r for _, r in rules(groups, "egress") if speaks(r, "tcp") and covers_port(r, port)]
    parts = [c for r in fitting for c in r.cidrs if any(contains(p, c) for p in destination.places)]
    if not parts:
        return verdict
    observed = f"{', '.join(attached)} opens only {', '.join(parts)} of {', '.join(destination.places)}"
    return replace(verdict, observed=f"{observed}, in which {destination.name} is", severity="medium", likely_cause="")


def exposure(
    database: Database, known: Mapping[str, SecurityGroup], prefix_lists: PrefixLists = no_prefix_lists
) -> Verdict:
    """Whether a database's port is open to every address; graver where it also has a public one."""
    port, attached = database.port, database.security_groups
    groups = [known[g] for g in attached if g in known]
    open_rules = [
        (g, r)
        for g, r in rules(groups, "ingress")
        if speaks(r, "tcp") and covers_port(r, port) and _opens_all(r, prefix_lists)
    ]
    public = " and it has a public address" if database.public else ""
    return Verdict(
        ok=not open_rules,
        resource=database.arn,
        name=database.identifier,
        observed=f"port {port} is open to every address{public}" if open_rules else f"port {port} is not open to all",
        expected="a rule for the tasks' security group (or their subnets) only",
        evidence=tuple(f"{g.id} ({g.name}): {described(r)}" for g, r in open_rules),
        related=(*database.related, *attached),
        names={
            "port": str(port),
            "database": database.main_instance,
            "wanted_rule": f"ingress on tcp {port} from the tasks' groups, in place of every address",
        }
        | ({"security_group": open_rules[0][0].id} if open_rules else {}),
        severity="high" if open_rules and database.public else None,
    )


def _opens_all(rule: Rule, prefix_lists: PrefixLists) -> bool:
    if any(_is_everything(c) for c in rule.cidrs):
        return True
    return any(_is_everything(c) for one in rule.prefix_lists for c in prefix_lists(one))


def _is_everything(cidr: str) -> bool:
    """``0.0.0.0/0``, ``::/0``, or one of the halves with which people write around rules that look for those."""
    try:
        return ipaddress.ip_network(cidr, strict=False).prefixlen <= 1
    except ValueError:
        return False
