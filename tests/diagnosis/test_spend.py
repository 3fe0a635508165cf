from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import spend
from fixtures.model.cost import CostLine, DailyCost

# A Thursday.
LAST = dt.date(2026, 3, 5)
NAT = "USE1-NatGateway-Bytes"


def cost(
    *daily_usd: float, service: str = "EC2 - Other", usage: str = NAT, more: tuple[CostLine, ...] = ()
) -> DailyCost:
    days = tuple(LAST - dt.timedelta(days=n) for n in reversed(range(len(daily_usd))))
    return DailyCost(days, (CostLine(service, usage, daily_usd), *more))


@pytest.mark.parametrize(
    ("daily", "ok"),
    [
        # A NAT gateway's data from 1.2 to 9.8 dollars.
        ((1.2,) * 13 + (9.8,), False),
        ((1.2,) * 13 + (1.3,), True),
        # Both a share and an amount: neither alone is a spike.
        ((0.0001,) * 13 + (0.02,), True),
        ((500.0,) * 13 + (520.0,), True),
        # Exactly the limit is still allowed: 50 % and 5 dollars more than 10.
        ((10.0,) * 13 + (15.0,), True),
        ((10.0,) * 13 + (15.01,), False),
        ((2.0,) * 13 + (7.0,), True),
        ((2.0,) * 13 + (7.01,), False),
        ((100.0,) * 13 + (150.0,), True),
        ((100.0,) * 13 + (149.8,), True),
        ((100.0,) * 13 + (150.2,), False),
        # A monthly fee on the first neither is the baseline nor becomes it.
        ((10.0, 400.0, 10.0, 10.0, 10.0, 10.0, 10.0), True),
        # Mondays after cheap weekends: the same weekday cost as much before.
        ((40, 40, 10, 10, 10, 10, 10, 40, 40, 10, 10, 10, 10, 10, 40), True),
        ((10, 10, 10, 10, 10, 10, 10, 40, 10, 10, 10, 10, 10, 10, 40), False),
        # The newest day has hardly any data yet: the one before is judged.
        ((10.0,) * 13 + (30.0, 0.5), False),
        ((10.0,) * 13 + (10.0, 0.5), True),
        # Credits made some days negative or free: that is no baseline below zero.
        ((-5.0, -5.0, -5.0, -5.0, 1.0, 1.0, 1.0, 1.0, 4.0), True),
        ((-5.0, -5.0, -5.0, -5.0, -5.0, 1.0, 1.0, 1.0, 1.0, 6.0), False),
    ],
)
def test_spikes(daily: tuple[float, ...], ok: bool) -> None:
    assert bool(spend.total_spike(cost(*daily), "123456789012", 50, 5)) is ok
    assert bool(spend.offending_service(cost(*daily), "123456789012", 50, 5)) is ok


@pytest.mark.parametrize("daily", [(), (5.0,), (5.0, 5.0, 5.0, 5.0), (0.0,) * 13 + (9.0,), (0.0, 1.0, 1.0, 1.0, 9.0)])
def test_too_few_days_to_compare_with(daily: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="fewer than 4 days with cost"):
        spend.total_spike(cost(*daily), "1", 50, 5)


@pytest.mark.parametrize(
    ("daily", "day"),
    [
        ((1.0, 1.0, 1.0, 1.0, 1.0), 4),
        # Half of what is usual is a complete day; less is one that still fills.
        ((2.0, 2.0, 2.0, 2.0, 1.0), 4),
        ((2.0, 2.0, 2.0, 2.0, 0.99), 3),
        ((2.0, 2.0, 2.0, 2.0, 90.0), 4),
    ],
)
def test_judged_day(daily: tuple[float, ...], day: int) -> None:
    assert spend.judged_day(cost(*daily)) == day


@pytest.mark.parametrize(
    ("daily", "day", "usual"),
    [
        ((), 0, 0.0),
        ((1.0, 2.0, 9.0, 50.0), 3, 2.0),
        ((-4.0, -4.0, -4.0, 5.0), 3, 0.0),
        # The days of the same weekday count from the second on: a single one may be the last spike.
        ((40.0, *(10.0,) * 6, 40.0), 7, 10.0),
        ((40.0, *(10.0,) * 6, 30.0, *(10.0,) * 6, 0.0), 14, 35.0),
        ((1.0, *(10.0,) * 6, 1.0, *(10.0,) * 6, 0.0), 14, 10.0),
        (((-4.0,) * 14 + (5.0,)), 14, 0.0),
        # Days after the judged one are not looked at.
        ((50.0, *(10.0,) * 6, 90.0), 6, 10.0),
        # The judged day itself is never part of what is usual.
        ((10.0,) * 14 + (1000.0,), 14, 10.0),
    ],
)
def test_what_is_usual(daily: tuple[float, ...], day: int, usual: float) -> None:
    assert spend.usual_usd(daily, day) == usual


def test_the_account_with_its_services_and_its_days() -> None:
    more = (CostLine("RDS", "RDS:t3", (3.0,) * 10), CostLine("S3", "TimedStorage", (2.0,) * 9 + (0.5,)))
    verdict = spend.total_spike(cost(*(1.2,) * 9, 9.8, more=more), "123456789012", 50, 5)
    assert verdict.summary == (
        "account 123456789012: $13.30 were spent on 2026-03-05; expected about $6.20 (at most 50 % and $5.00 more)"
    )
    assert verdict.evidence[:3] == (
        "EC2 - Other: $9.80, usually $1.20 (+8.60)",
        "RDS: $3.00, usually $3.00 (+0.00)",
        "S3: $0.50, usually $2.00 (-1.50)",
    )
    assert verdict.evidence[3].startswith("by day: 02-26 $6.20, ")
    assert verdict.evidence[3].endswith(", 03-05 $13.30")
    assert verdict.evidence[3].count("$") == 8
    assert verdict.related == ("cost",)
    assert (verdict.resource, verdict.names) == ("account/123456789012", {"day": "2026-03-05"})


def test_the_service_that_grew_most_is_named_with_its_usage() -> None:
    steady = (CostLine("Amazon RDS", "RDS:t3", (90.0,) * 10), CostLine("EC2 - Other", "EBS:VolumeUsage", (2.0,) * 10))
    verdict = spend.offending_service(cost(*(1.2,) * 9, 9.8, more=steady), "1", 50, 5)
    assert verdict.resource == "account/1/EC2 - Other"
    assert verdict.observed == f"$11.80 on 2026-03-05, mostly usage type {NAT} (+8.60)"
    assert verdict.expected == "about $3.20 a day"
    assert verdict.evidence == (
        f"{NAT} cost $9.80 on 2026-03-05, usually $1.20",
        "EBS:VolumeUsage cost $2.00 on 2026-03-05, usually $2.00",
    )
    assert verdict.related == ("cost",)
    assert "VPC endpoint" in verdict.likely_cause
    assert verdict.names == {"aws_service": "EC2 - Other", "day": "2026-03-05"}


def test_a_large_service_does_not_hide_a_small_one_that_multiplied() -> None:
    database = CostLine("Amazon RDS", "RDS:GP3-Storage", (100.0,) * 13 + (112.0,))
    verdict = spend.offending_service(cost(*(1.0,) * 13, 9.0, more=(database,)), "123456789012", 50, 5)
    assert (verdict.ok, verdict.name) == (False, "EC2 - Other")


def test_a_service_that_is_new_and_cheap_is_no_culprit() -> None:
    new = CostLine("AWS Glue", "Crawler", (0.0,) * 9 + (0.02,))
    assert spend.offending_service(cost(*(10.0,) * 10, more=(new,)), "1", 50, 5)
    dear = CostLine("AWS Glue", "Crawler", (0.0,) * 9 + (20.0,))
    verdict = spend.offending_service(cost(*(10.0,) * 10, more=(dear,)), "1", 50, 5)
    assert (bool(verdict), verdict.name) == (False, "AWS Glue")


def test_lists_are_bounded() -> None:
    many = tuple(CostLine(f"service {n}", f"usage {n}", (1.0,) * 10) for n in range(8))
    assert len(spend.total_spike(cost(*(1.0,) * 10, more=many), "1", 50, 5).evidence) == 3 + 1
    many = tuple(CostLine("EC2 - Other", f"usage {n}", (1.0,) * 10) for n in range(8))
    assert len(spend.offending_service(cost(*(1.0,) * 10, more=many), "1", 50, 5).evidence) == 5
    assert spend.likely_cause("Something-Else") == "more use than before"


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ("USE1-NatGateway-Bytes", "data through the NAT gateway"),
        ("USE1-NatGateway-Hours", "another NAT gateway"),
        ("USE1-NatGateway-Prvd-Bytes", "the NAT gateway"),
        ("USE1-DataTransfer-Out-Bytes", "internet"),
        ("USE1-USE2-AWS-Out-Bytes", "another Region"),
        ("USE1-DataTransfer-Regional-Bytes", "availability zones"),
        ("USE1-EBS:VolumeUsage.gp3", "volumes"),
        ("USE1-EBS:SnapshotUsage", "snapshots"),
        ("USE1-PublicIPv4:IdleAddress", "public IPv4"),
        ("USE1-LCUUsage", "more requests"),
        ("USE1-LoadBalancerUsage", "another load balancer"),
        ("USE1-Fargate-vCPU-Hours:perCPU", "Fargate tasks"),
        ("USE1-DataProcessing-Bytes", "log ingestion"),
        ("USE1-VendedLog-Bytes", "log ingestion"),
        ("USE1-TimedStorage-ByteHrs", "never deleted"),
        ("USE1-CW:MetricMonitorUsage", "custom metrics"),
        ("USE1-RDS:GP3-Storage", "database instance"),
        ("USE1-InstanceUsage:db.t3.micro", "database instance"),
        ("USE1-Aurora:StorageIOUsage", "input/output"),
        ("Something-Else", "more use than before"),
        ("", "more use than before"),
    ],
)
def test_what_makes_a_usage_type_grow(usage: str, words: str) -> None:
    assert words in spend.likely_cause(usage)


USD = st.floats(0.01, 1e6)


@given(st.lists(USD, min_size=5, max_size=20), st.floats(1, 500), st.floats(0.01, 1000))
def test_a_flat_or_falling_day_is_no_spike(daily: list[float], percent: float, usd: float) -> None:
    flat = cost(*daily, min(daily))
    day = spend.judged_day(flat)
    if day == len(daily):
        assert spend.total_spike(flat, "1", percent, usd)


@given(st.lists(USD, min_size=4, max_size=20), USD, st.floats(1, 500), st.floats(0.01, 1000))
def test_more_never_turns_a_spike_into_none(daily: list[float], today: float, percent: float, usd: float) -> None:
    one, twice = cost(*daily, today), cost(*daily, 2 * today)
    if spend.judged_day(one) == len(daily) and not spend.total_spike(one, "1", percent, usd):
        assert not spend.total_spike(twice, "1", percent, usd)
