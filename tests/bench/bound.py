"""What a run can hardly be faster than: the imports, and the longest chain of answers that need each other.

Each service on that chain counts one handshake. Where services share an address, as in the sandbox, they share connections
as well: with long delays a run may then be a little faster than this.

Run as a program it does the part of it that is work: it imports all that a run imports, pytest's plugins included, and
with ``clients`` also builds its AWS clients, which boto3 cannot do without either.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Iterator

from tests.bench.contestants import OWN

MODULES = ("check_ecs", "check_alb", "check_database", "check_latency", "check_cost")
# By pytest.ini.
_BLOCKED = ("anyio", "hypothesispytest")
# Where what takes long to make is kept, as a run keeps it in pytest's cache.
KEPT = OWN / "kept"
# pytest has to import these to see that nothing in them is selected.
_OTHERS = ("check_docker", "check_terraform")


def load() -> tuple[str, ...]:
    """Import what a run of these checks imports; the names of the facts that they take."""
    from _pytest.config import default_plugins

    for name in default_plugins:
        importlib.import_module(f"_pytest.{name}")
    for entry in importlib.metadata.entry_points(group="pytest11"):
        if entry.name not in _BLOCKED:
            entry.load()
    import fixtures.handing
    import reports.catalogue  # noqa: F401
    import reports.plugin  # noqa: F401
    from fixtures import tokens
    from fixtures.secret import REDACTOR

    fixtures.run.load_facts()
    KEPT.mkdir(parents=True, exist_ok=True)
    tokens.keep_in(KEPT)
    REDACTOR.prepare()
    for name in _OTHERS:
        importlib.import_module(f"checks.{name}")
    return tuple(dict.fromkeys(_facts_of_checks()))


def _facts_of_checks() -> Iterator[str]:
    from fixtures.gather import REGISTRY

    for name in MODULES:
        module = importlib.import_module(f"checks.{name}")
        checks = [f for n, f in vars(module).items() if n.startswith("check_") and inspect.isfunction(f)]
        yield from (p for check in checks for p in inspect.signature(check).parameters if p in REGISTRY)


def trips(facts: tuple[str, ...], asked: frozenset[str]) -> tuple[int, tuple[str, ...]]:
    """Round trips that have to wait for each other, and the facts that they answer.

    One request for each fact, although some need several. The first request to a service on the way costs two, one of
    them for its connection.

    Args:
        asked: operations that a run really asked for; a fact none of whose are among them costs nothing.
    """
    from fixtures.gather import closure

    chains: dict[str, tuple[int, tuple[str, ...], frozenset[str]]] = {}
    for one in closure(facts):
        before = max((chains[n] for n in one.needs), key=lambda c: c[0], default=(0, (), frozenset[str]()))
        services = frozenset(a.partition(":")[0] for a in one.asks if a.partition("@")[0] in asked)
        # Of several, one that has its connection already.
        cost = (1 if services & before[2] else 2) if services else 0
        names = (*before[1], one.name) if services else before[1]
        chains[one.name] = (before[0] + cost, names, before[2] | services)
    longest = max(chains.values(), key=lambda c: c[0])
    return longest[0], longest[1]


def _clients(facts: tuple[str, ...]) -> None:
    from fixtures.aws import Aws, Connection
    from fixtures.gather import REGISTRY, clients_needed, closure, operations
    from fixtures.reduced_models import Reduced

    aws = Aws(Connection("us-east-1"), frozenset(), reduced=Reduced(KEPT, operations(REGISTRY.values())))
    aws.build_announced(aws.announce(clients_needed(closure(facts))))


if __name__ == "__main__":
    _needed = load()
    if "clients" in sys.argv:
        _clients(_needed)
