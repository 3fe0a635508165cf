"""Whether a load balancer itself works, lets clients in, and is let through to the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from checks.diagnosis import admission
from checks.diagnosis.admission import PrefixLists, no_prefix_lists
from checks.diagnosis.verdict import Verdict, worst
from fixtures.model.alb import Attachment, Listener, LoadBalancer, Target
from fixtures.model.network import Peer, SecurityGroup

_STATES = {
    "provisioning": "it is being set up and serves nobody yet",
    "active_impaired": "it routes traffic, but lacks resources to scale",
    "failed": "AWS could not set it up",
}


def is_active(balancer: LoadBalancer) -> Verdict:
    """Its state is ``active`` (DescribeLoadBalancers ``State.Code``)."""
    told = f": {balancer.state_reason}" if balancer.state_reason else ""
    return Verdict(
        ok=balancer.state == "active",
        resource=balancer.arn,
        name=balancer.name,
        observed=f"its state is {balancer.state or 'unknown'}{told}",
        expected="state active",
        evidence=(_STATES[balancer.state],) if balancer.state in _STATES else (),
        related=(balancer.arn,),
        names=names_of(balancer),
        # It still serves, so nobody's requests fail for this alone.
        severity="high" if balancer.state == "active_impaired" else None,
    )


def names_of(balancer: LoadBalancer) -> dict[str, str]:
    """Values for the guide's placeholders."""
    return {"load_balancer": balancer.name, "load_balancer_arn": balancer.arn}


def admits_clients(
    balancer: LoadBalancer,
    listeners: Sequence[Listener],
    groups: Mapping[str, SecurityGroup],
) -> Verdict:
    """Every listener's port is open to somebody in the load balancer's security groups.

    To whom is a decision that only people know; a port open to nobody is none.
    """
    attached = [groups[g] for g in balancer.security_groups if g in groups]
    closed = [one for one in listeners if not _open_rules(attached, one.port)]
    ports = ", ".join(one.name for one in closed)
    observed = f"no ingress rule opens {ports}" if closed else "every listener's port is open"
    if not listeners:
        observed = "it has no listener"
    rules = [f"{g.id} ({g.name}) ingress: {admission.described(r)}" for g, r in admission.rules(attached, "ingress")]
    return Verdict(
        ok=bool(listeners) and not closed,
        resource=balancer.arn,
        name=balancer.name,
        observed=observed,
        expected="listeners whose ports its security groups open to clients",
        evidence=tuple(rules) or ("its security groups have no ingress rule at all",),
        related=(balancer.arn, *balancer.security_groups),
        signs=("network",) if listeners else ("configuration",),
        names=names_of(balancer)
        | {"security_group": balancer.security_groups[0] if balancer.security_groups else ""}
        | {"wanted_rule": f"ingress on tcp {closed[0].port} from clients" if closed else ""},
        # Who types https gets in; who relies on being sent there does not.
        severity="medium" if closed and len(closed) < len(listeners) and all(map(_only_redirects, closed)) else None,
    )


def _only_redirects(listener: Listener) -> bool:
    return bool(listener.default) and all(a.kind == "redirect" for a in listener.default)


def _open_rules(attached: Sequence[SecurityGroup], port: int) -> list[object]:
    found = [r for _, r in admission.rules(attached, "ingress")]
    return [
        r
        for r in found
        if admission.speaks(r, "tcp") and admission.covers_port(r, port) and (r.cidrs or r.groups or r.prefix_lists)
    ]


def ports_asked(attachment: Attachment, targets: Sequence[Target]) -> tuple[int, ...]:
    """Ports to which the load balancer connects: of the targets, and the health check's own where it has one."""
    registered = [t.port for t in targets if t.registered] or [attachment.port]
    own = attachment.group.health_check.port if attachment.group is not None else ""
    return tuple(dict.fromkeys([*registered, *([int(own)] if own.isdigit() else [])]))


def reaches_tasks(
    attachment: Attachment,
    balancer: Peer,
    tasks: Peer,
    targets: Sequence[Target],
    groups: Mapping[str, SecurityGroup],
    balancer_lists: PrefixLists = no_prefix_lists,
    task_lists: PrefixLists = no_prefix_lists,
) -> Verdict:
    """The load balancer may connect to the tasks on every port that it asks: out of its own groups, and into theirs.

    Raises:
        Unavailable: only a prefix list that could not be read may decide.
    """
    # A group can be shared: on which ports other services' tasks are registered is no business of this one's.
    own = [t for t in targets if t.id in tasks.addresses]
    if not balancer.security_groups and any(t.state == "healthy" for t in own):
        return _proven(attachment, balancer, own)
    verdicts = [
        verdict
        for port in ports_asked(attachment, own)
        for verdict in (
            _placed(
                admission.judge(tasks.security_groups, groups, tasks, balancer, port, prefix_lists=task_lists),
                port,
                attachment,
            ),
            *_out(attachment, balancer, tasks, port, groups, balancer_lists),
        )
    ]
    return worst(tuple(verdicts), otherwise=verdicts[0])


def _proven(attachment: Attachment, balancer: Peer, targets: Sequence[Target]) -> Verdict:
    """A Network Load Balancer without groups comes from a few addresses that rules may name one by one.

    Which those are its description does not tell, but passing health checks does.
    """
    return Verdict(
        ok=True,
        resource=attachment.group_arn,
        name=balancer.name,
        observed="its health checks get through",
        expected="rules that let it connect to the tasks",
        evidence=tuple(f"target {t.address} is {t.state}" for t in targets),
        related=(f"service/{attachment.service}", attachment.group_arn, balancer.id),
    )


def _out(
    attachment: Attachment,
    balancer: Peer,
    tasks: Peer,
    port: int,
    groups: Mapping[str, SecurityGroup],
    lists: PrefixLists,
) -> tuple[Verdict, ...]:
    # A load balancer without groups (Network Load Balancers may have none) restricts nothing.
    if not balancer.security_groups:
        return ()
    verdict = admission.judge(
        balancer.security_groups, groups, balancer, tasks, port, direction="egress", prefix_lists=lists
    )
    return (_placed(verdict, port, attachment),)


def _placed(verdict: Verdict, port: int, attachment: Attachment) -> Verdict:
    own = attachment.group.health_check.port if attachment.group is not None else ""
    use = "health checks" if str(port) == own and port != attachment.port else "requests and health checks"
    return replace(
        verdict,
        related=(f"service/{attachment.service}", attachment.group_arn, *verdict.related),
        evidence=(f"port {port}: {use} of target group {attachment.name}", *verdict.evidence),
        names={**verdict.names, "target_group": attachment.name, "target_group_arn": attachment.group_arn},
    )
