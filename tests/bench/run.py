"""``make bench``: wall time, CPU, memory and requests of this suite, of what it replaces, and of what could not be beaten.

One after another in rounds, so that a machine whose speed drifts drifts for all; each number is a median. The sandbox
answers on the same cores as the contestants run on, and one request at a time: its share is told too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from fixtures.sandbox.server import Host, World
from tests.bench import bound, contestants, present
from tests.bench.contestants import Contestant
from tests.bench.delay import DelayProxy

DELAYS_MS = (0, 50, 150)
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A contestant did not do what it is measured for; says what it said."""


@dataclass(frozen=True)
class Measured:
    """One run of a contestant. Memory is that of its largest process; CPU that of all of them."""

    wall_s: float
    cpu_s: float
    memory_mb: float
    requests: int
    connections: int
    most_in_flight: int
    sandbox_cpu_s: float


def measure(one: Contestant, world: World, proxy: DelayProxy) -> Measured:
    """Run a contestant's commands against a world.

    Raises:
        BenchError: a command failed.
    """
    proxy.take()
    sandbox_s = _cpu_s(world)
    wall_s, cpu_s, memory_mb = _run(one, contestants.environment(proxy.url))
    seen = proxy.take()
    return Measured(
        wall_s, cpu_s, memory_mb, seen.requests, seen.connections, seen.most_in_flight, _cpu_s(world) - sandbox_s
    )


def _run(one: Contestant, env: dict[str, str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and MB that a contestant took."""
    said = contestants.OWN / "said.txt"
    launch = (sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py")), str(said))
    process = subprocess.run(
        (*launch, json.dumps(one.commands)), env=env, cwd=contestants.ROOT, stdout=subprocess.PIPE, check=True
    )
    wall_s, cpu_s, memory_mb, code = json.loads(process.stdout)
    if code:
        raise BenchError(f"{one.name} ended with {code}:\n{said.read_text()[-3000:]}")
    return wall_s, cpu_s, memory_mb


def _cpu_s(world: World) -> float:
    fields = Path(f"/proc/{world.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


Make = Callable[[World, str], Sequence[Contestant]]


def rounds(
    count: int, delays_ms: Sequence[int], make: Make, tell: Callable[[str], None], warm: bool = True
) -> Iterator[tuple[Contestant, int, Measured]]:
    """Every contestant at every delay, round by round. A world is made for an instant, so each round has a fresh one.

    Args:
        make: the contestants for a world that is reached at an address.
        warm: go once more before, without a delay and without counting it, to fill caches.
    """
    for number in range(0 if warm else 1, count + 1):
        for delay_ms, one, measured in _round(delays_ms if number else [0], make):
            tell(f"round {number}/{count} {delay_ms:4} ms {one.name:28} {measured.wall_s:6.2f} s")
            yield from [(one, delay_ms, measured)] if number else []


def _round(delays_ms: Sequence[int], make: Make) -> Iterator[tuple[int, Contestant, Measured]]:
    with Host.start() as host, host.fork() as world, proxied(world) as proxy:
        for delay_ms, one in [(d, c) for d in delays_ms for c in make(world, proxy.url)]:
            proxy.rtt_s = delay_ms / 1000
            yield delay_ms, one, measure(one, world, proxy)


def proxied(world: World) -> DelayProxy:
    """A proxy in front of a world."""
    address = urlsplit(world.endpoint_url)
    return DelayProxy((str(address.hostname), int(address.port or 0)))


def medians(runs: Sequence[Measured]) -> dict[str, float]:
    """The median of each number."""
    return {k: round(statistics.median(asdict(r)[k] for r in runs), 3) for k in asdict(runs[0])}


def everybody(world: World, url: str) -> list[Contestant]:
    """All contestants; identifiers in the guide's commands are the world's."""

    def client(service: str) -> Any:
        return boto3.client(
            service, "us-east-1", endpoint_url=world.endpoint_url, aws_access_key_id="x", aws_secret_access_key="x"
        )

    return [
        contestants.suite(),
        contestants.suite("this suite -n 4", "-n", "4"),
        contestants.guide(client, url),
        contestants.naive(),
        contestants.naive("naive pytest + boto3 -n 4", "-n", "4"),
        contestants.bound(),
        contestants.bound("lower bound with clients", "clients"),
    ]


def critical_path() -> tuple[int, tuple[str, ...]]:
    """Round trips that the suite cannot avoid, in the healthy world; see bound.trips."""
    with Host.start() as host, host.fork() as world, proxied(world) as proxy:
        measure(contestants.suite(), world, proxy)
        with urllib.request.urlopen(f"{world.endpoint_url}/_sandbox/requests") as answer:
            asked = frozenset(one["operation"] for one in json.load(answer))
    return bound.trips(bound.load(), asked)


def main() -> int:
    """Measure, print the table, write docs/bench.json and docs/bench.svg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "5")))
    parser.add_argument("--out", type=Path, default=contestants.ROOT / "docs")
    arguments = parser.parse_args()
    runs: dict[tuple[str, int], list[Measured]] = {}
    judged: dict[str, str] = {}
    try:
        chain = critical_path()
        for one, delay_ms, measured in rounds(arguments.rounds, DELAYS_MS, everybody, print):
            runs.setdefault((one.name, delay_ms), []).append(measured)
            judged[one.name] = one.judged
    except BenchError as e:
        print(e, file=sys.stderr)
        return 1
    results = {key: medians(measured) for key, measured in runs.items()}
    document = present.document(results, judged, chain, arguments.rounds)
    print(present.table(document))
    present.write(document, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
