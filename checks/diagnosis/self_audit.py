"""Whether what the guide tells people to look at would be there to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from checks.diagnosis.verdict import Verdict
from fixtures.model.database import Database
from fixtures.model.latency import ServiceGraph

# Classes on which MySQL and MariaDB have no Performance Insights (RDS user guide, "Performance Insights support").
_TOO_SMALL = ("db.t2.micro", "db.t2.small", "db.t3.micro", "db.t3.small", "db.t4g.micro", "db.t4g.small")


def traces(graph: ServiceGraph, expected: Sequence[str], target: str) -> Verdict:
    """X-Ray has traces of the window, or some task definition is set up to send them.

    Args:
        expected: why traces are to be expected, a clause for each service that is set up.
    """
    return Verdict(
        ok=bool(graph.nodes or expected),
        resource=f"traces/{target}",
        name=target,
        observed=f"{len(graph.nodes)} services in X-Ray's graph"
        if graph.nodes
        else expected[0]
        if expected
        else "X-Ray has no traces of the window, and no task definition is set up to send any",
        expected="traces that tell which call is slow",
        evidence=tuple(expected),
        names={"target": target},
    )


def performance_insights(database: Database) -> Verdict | None:
    """Performance Insights is on; None where the class has none."""
    if database.engine.startswith(("mysql", "mariadb")) and database.instance_class in _TOO_SMALL:
        return None
    return Verdict(
        ok=database.insights,
        resource=database.arn,
        name=database.identifier,
        observed="Performance Insights is on" if database.insights else "Performance Insights is off",
        expected="Performance Insights, to see which statements and waits made the load",
        related=database.related,
        names={"instance": database.main_instance},
    )


def cost_explorer(enabled: bool, account: str) -> Verdict:
    """Cost Explorer was enabled for the account."""
    return Verdict(
        ok=enabled,
        resource=f"account/{account}",
        name=f"account {account}",
        observed="Cost Explorer is enabled" if enabled else "nobody ever enabled Cost Explorer",
        expected="Cost Explorer enabled, to trace a cost to its service",
    )
