"""Whether yesterday cost more than usual, and what did."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from checks.diagnosis.verdict import Verdict
from fixtures.model.cost import DailyCost

FEWEST_BASELINE_DAYS = 4
# The newest day is still filling while it has less than this share of what is usual; late data can only raise it.
_STILL_FILLING = 0.5
# Where a usage type comes from (AWS's usage type names), and what usually makes it grow.
_CAUSES = (
    (r"NatGateway-Bytes", "data through the NAT gateway: image pulls or calls that a VPC endpoint would keep inside"),
    (r"NatGateway-Hours", "another NAT gateway runs"),
    (r"DataTransfer-Out|AWS-Out-Bytes", "traffic to the internet or to another Region"),
    (r"DataTransfer-Regional", "traffic between availability zones"),
    (r"EBS:Volume|EBS:Snapshot", "volumes or snapshots that nobody deletes"),
    (r"PublicIPv4", "public IPv4 addresses, used or idle"),
    (r"LCUUsage", "more requests or connections through the load balancer"),
    (r"LoadBalancerUsage", "another load balancer runs, perhaps idle"),
    (r"Fargate", "more or larger Fargate tasks than usual"),
    (r"DataProcessing-Bytes|VendedLog", "log ingestion: something logs far more than before"),
    (r"TimedStorage", "logs or images that are never deleted"),
    (r"CW:MetricMonitorUsage|MetricStorage", "custom metrics"),
    (r"RDS:|InstanceUsage|Multi-AZUsage", "a larger or another database instance"),
    (r"StorageIOUsage|Aurora", "database input/output or storage"),
    (r"NatGateway", "the NAT gateway"),
)


class Growth(Struct, frozen=True):
    """A day against what was usual before it."""

    name: str
    day: str
    usd: float
    usual_usd: float

    @property
    def delta_usd(self) -> float:
        """How much more than usual."""
        return self.usd - self.usual_usd

    def exceeds(self, percent: float, usd: float) -> bool:
        """Whether it is more than usual by both a share and an amount: small bills double every week."""
        return self.delta_usd > usd and self.usd > self.usual_usd * (1 + percent / 100)

    def __str__(self) -> str:
        return f"{self.name} cost ${self.usd:.2f} on {self.day}, usually ${self.usual_usd:.2f}"


def judged_day(cost: DailyCost) -> int:
    """Index of the day that is judged: the last complete one, unless its data has obviously not arrived yet.

    Raises:
        ValueError: fewer than four days to compare it with.
    """
    total = cost.total_usd()
    last = len(total) - 1
    if sum(1 for usd in total[:last] if usd > 0) < FEWEST_BASELINE_DAYS:
        raise ValueError(f"fewer than {FEWEST_BASELINE_DAYS} days with cost to compare with")
    if total[last] < _STILL_FILLING * median(total[:last]):
        last -= 1
    return last


def usual_usd(daily: Sequence[float], day: int) -> float:
    """What a day usually costs: the median of the days before, or of the same weekday where that is more.

    A Monday after a cheap weekend is no spike.
    """
    before = daily[:day]
    same_weekday = daily[day - 7 :: -7] if day >= 7 else ()
    usual = median(before) if before else 0.0
    return max(0.0, usual, median(same_weekday) if len(same_weekday) > 1 else 0.0)


def growth(cost: DailyCost, name: str, daily: Sequence[float]) -> Growth:
    """The judged day of one series."""
    day = judged_day(cost)
    return Growth(name, cost.days[day].isoformat(), daily[day], usual_usd(daily, day))


def likely_cause(usage_type: str) -> str:
    """What usually makes a usage type grow."""
    return next((cause for pattern, cause in _CAUSES if re.search(pattern, usage_type)), "more use than before")


def total_spike(cost: DailyCost, account: str, percent: float, usd: float) -> Verdict:
    """The whole account's day against its baseline."""
    whole = growth(cost, "the account", cost.total_usd())
    biggest = services_by_growth(cost)[:3]
    lines = [f"{g.name}: ${g.usd:.2f}, usually ${g.usual_usd:.2f} ({g.delta_usd:+.2f})" for g in biggest]
    return Verdict(
        ok=not whole.exceeds(percent, usd),
        resource=f"account/{account}",
        name=f"account {account}",
        observed=f"${whole.usd:.2f} were spent on {whole.day}",
        expected=f"about ${whole.usual_usd:.2f} (at most {percent:.0f} % and ${usd:.2f} more)",
        evidence=(*lines, _row(cost)),
        related=("cost",),
        names={"day": whole.day},
    )


def _row(cost: DailyCost) -> str:
    days = list(zip(cost.days, cost.total_usd(), strict=True))[-8:]
    return "by day: " + ", ".join(f"{d:%m-%d} ${usd:.2f}" for d, usd in days)


def services_by_growth(cost: DailyCost) -> list[Growth]:
    """Every service's judged day, the largest growth first."""
    grown = [growth(cost, service, daily) for service, daily in cost.by_service().items()]
    return sorted(grown, key=lambda g: g.delta_usd, reverse=True)


def offending_service(cost: DailyCost, account: str, percent: float, usd: float) -> Verdict:
    """No single service grew; the one that grew most is named with its usage type and likely cause."""
    grown = services_by_growth(cost)
    # A large service that swings by a few percent must not hide a small one that has multiplied.
    worst = next((g for g in grown if g.exceeds(percent, usd)), grown[0])
    lines = [growth(cost, line.usage_type, line.daily_usd) for line in cost.lines if line.service == worst.name]
    usage = max(lines, key=lambda g: g.delta_usd)
    return Verdict(
        ok=not worst.exceeds(percent, usd),
        resource=f"account/{account}/{worst.name}",
        name=worst.name,
        observed=f"${worst.usd:.2f} on {worst.day}, mostly usage type {usage.name} ({usage.delta_usd:+.2f})",
        expected=f"about ${worst.usual_usd:.2f} a day",
        evidence=tuple(str(g) for g in sorted(lines, key=lambda g: -g.delta_usd)[:5]),
        likely_cause=likely_cause(usage.name),
        related=("cost",),
        names={"aws_service": worst.name, "day": worst.day},
    )
