"""Whether an alarm that rings is heard: alarm, action, topic, the topic's policy and key, a confirmed subscriber.

Each link can be missing without any of the others showing it: CloudWatch drops what it may not publish, silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.each import Each
from fixtures.errors import Unavailable
from fixtures.model.alarms import Alarm, Topic
from fixtures.model.cost import TopicSubscriptions

Listeners = Callable[[str], TopicSubscriptions | None]
Topics = Callable[[str], Topic | None]
# Actions that do something by themselves instead of telling anybody (CloudWatch user guide, "Alarm actions").
_ACTING = ("autoscaling", "automate", "swf")
_CHILD = re.compile(r'ALARM\(\s*(?:"([^"]+)"|([^")\s]+))\s*\)', re.IGNORECASE)
_AWS_KEY = "alias/aws/sns"


def of_target(alarms: Sequence[Alarm], prefix: str) -> tuple[Alarm, ...]:
    """The alarms that are about a target, by their name or by what they watch; autoscaling's own are not."""
    people = (a for a in alarms if not a.name.startswith("TargetTracking-"))
    return tuple(a for a in people if a.name.startswith(prefix) or _watches(a, prefix))


def _watches(alarm: Alarm, prefix: str) -> bool:
    # LoadBalancer is app/NAME/ID, the others are plain names.
    values = (v for m in alarm.metrics for v in m.dimensions.values())
    return any(part.startswith(prefix) for value in values for part in value.split("/"))


def silent(alarm: Alarm, listeners: Listeners, topics: Topics) -> str:
    """Why nobody hears an alarm, "" if somebody does or if it is not meant to be heard."""
    if not alarm.actions_enabled:
        return "its actions are disabled"
    if not alarm.actions:
        return "it has no action"
    kinds = {a: _service(a) for a in alarm.actions}
    if all(kind in _ACTING for kind in kinds.values()):
        return ""
    if any(kind not in (*_ACTING, "sns") for kind in kinds.values()):
        # A function, an incident or an OpsItem: what becomes of those is not CloudWatch's matter.
        return ""
    reasons = Each.over(
        [a for a, kind in kinds.items() if kind == "sns"], lambda topic: _unheard(topic, alarm, listeners, topics)
    )
    return "" if "" in reasons.available().values() else "; ".join(reasons.all().values())


def _unheard(topic: str, alarm: Alarm, listeners: Listeners, topics: Topics) -> str:
    try:
        return deaf(topic, listeners(topic), topics(topic))
    except Unavailable as e:
        if e.cause == "denied" and _account(topic) != _account(alarm.arn):
            # Organisations gather alarms in one account: who listens there is that account's business.
            return ""
        raise


def tells_nobody(alarm: Alarm, alarms: Sequence[Alarm], listeners: Listeners, topics: Topics) -> str:
    """Why nobody would be told if an alarm rang, by itself or by a composite alarm; "" if somebody would.

    Unlike ``silent`` it does not excuse an alarm that is not meant to be heard.
    """
    acts = [a for a in alarm.actions if _service(a) in _ACTING]
    deaf = silent(alarm, listeners, topics)
    if not deaf and len(acts) < len(alarm.actions):
        return ""
    if any(a.composite for a in alarms) and alarm.name in covered(alarms, listeners, topics):
        return ""
    return deaf or "it only acts by itself, as autoscaling does"


def _service(action: str) -> str:
    fields = action.split(":")
    return fields[2] if len(fields) > 2 else ""


def _account(arn: str) -> str:
    fields = arn.split(":")
    return fields[4] if len(fields) > 4 else ""


def deaf(
    arn: str,
    listening: TopicSubscriptions | None,
    topic: Topic | None,
    publisher: str = "cloudwatch.amazonaws.com",
    called: str = "CloudWatch",
) -> str:
    """Why nobody hears what an AWS service publishes to a topic, "" if somebody does."""
    name = arn.rpartition(":")[2]
    if listening is None or topic is None:
        return f"topic {name} does not exist"
    if not any(p in ("*", publisher) or p.endswith(":root") for p in topic.publishers):
        return f"the policy of topic {name} does not let {called} publish"
    if topic.key.endswith(_AWS_KEY):
        return f"topic {name} is encrypted with AWS's own key, which {called} cannot use"
    if not listening.confirmed:
        return f"topic {name} has no confirmed subscriber ({listening.pending} pending)"
    return ""


def covered(alarms: Sequence[Alarm], listeners: Listeners, topics: Topics) -> set[str]:
    """Names of the alarms that a composite alarm tells of, which need no action of their own; also through others."""
    parts = {a.name: [(q or p).rpartition(":alarm:")[2] for q, p in _CHILD.findall(a.rule)] for a in alarms}
    found: set[str] = set()
    told = [a.name for a in alarms if a.composite and a.actions and not silent(a, listeners, topics)]
    while told:
        new = [p for p in parts.get(told.pop(), ()) if p not in found]
        found.update(new)
        told += new
    return found


def judge(alarms: Sequence[Alarm], prefix: str, listeners: Listeners, topics: Topics) -> Verdict | None:
    """Every alarm of the target is heard by somebody, itself or through a composite alarm; None without any alarm."""
    own = of_target(alarms, prefix)
    if not own:
        return None
    told = covered(alarms, listeners, topics)
    mute = [(a, why) for a in own if a.name not in told and (why := silent(a, listeners, topics))]
    first, reason = mute[0] if mute else (own[0], "")
    topic = next((a for a in first.actions if _service(a) == "sns"), "")
    also = f", and {len(mute) - 1} more" if len(mute) > 1 else ""
    return Verdict(
        ok=not mute,
        resource=first.arn or first.name,
        name=f"alarm {first.name}" if mute else prefix,
        observed=f"nobody would hear it: {reason}{also}" if mute else f"all {len(own)} alarms are heard",
        expected="an action that reaches a confirmed subscriber",
        evidence=tuple(f"{a.name}: {why}" for a, why in mute),
        related=tuple(a.arn for a, _ in mute),
        signs=("configuration",),
        names={"topic": topic, "silenced_alarm": "" if first.actions_enabled else first.name},
    )
