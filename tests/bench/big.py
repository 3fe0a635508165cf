"""A world of 300 services and 1,000 tasks behind one load balancer: ``python -m tests.bench.big``.

It is built in a process of its own, as the sandbox's healthy world is, with more of everything; then judged through the
proxy at 50 ms: three of its services, a twelfth of them, each of twelve shards, and all.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from fixtures.sandbox import server, state, world
from tests.bench import contestants, run
from tests.bench.delay import DelayProxy

SERVICES = 300
TASKS = 1000
SHARDS = 12
RTT_S = 0.05
# What moto looks up again and again while the world is built, and what does not change meanwhile.
_LOOKED_UP = ("described", "task_definition", "target_group", "load_balancer", "secret_arn", "database", "subnets")


def names(count: int) -> tuple[str, ...]:
    """The sandbox's three services and as many others as it takes."""
    return (*state.SERVICES, *(f"s{n:03}" for n in range(count - len(state.SERVICES))))


def build(sandbox: state.Sandbox, count: int, tasks: int) -> None:
    """The sandbox's world with so many services and tasks."""
    own = names(count)
    others = own[3:]
    ports = world._PORTS | dict.fromkeys(others, 8000)
    sizes = world._SIZES | dict.fromkeys(others, ("512", "1024"))
    paths = world._PATHS | {s: (str(100 + n), f"/{s}/*") for n, s in enumerate(others)}
    network, environment = world._network, world._environment

    def wide(box: state.Sandbox) -> dict[str, Any]:
        return _wider(box, network(box))

    def environment_of(box: state.Sandbox, service: str) -> list[dict[str, str]]:
        return environment(box, "product" if service in others else service)

    with (
        mock.patch.multiple(world, SERVICES=own, _PORTS=ports, _SIZES=sizes, _PATHS=paths),
        mock.patch.multiple(world, _network=wide, _environment=environment_of),
        _looked_up_once(sandbox),
    ):
        world.build(sandbox)
        for n in range(tasks - count):
            sandbox.start_task(own[n % count], minutes_ago=2880, subnet=n)
        for n, service in enumerate(own):
            _run(sandbox, service, 1 + (tasks - count - n + count - 1) // count)


def _wider(sandbox: state.Sandbox, network: dict[str, Any]) -> dict[str, Any]:
    """Subnets with room for a thousand tasks, with the routes of the others."""
    ec2 = sandbox.client("ec2")
    tables = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": network["private"][:1]}])
    subnets = []
    for index, zone in enumerate("abc"):
        block, where = f"10.0.{64 + 16 * index}.0/20", f"{server.REGION}{zone}"
        made = ec2.create_subnet(VpcId=network["vpc"], CidrBlock=block, AvailabilityZone=where)["Subnet"]["SubnetId"]
        ec2.associate_route_table(RouteTableId=tables["RouteTables"][0]["RouteTableId"], SubnetId=made)
        subnets.append(made)
    return {**network, "private": subnets}


@contextmanager
def _looked_up_once(sandbox: state.Sandbox) -> Iterator[None]:
    for name in _LOOKED_UP:
        setattr(sandbox, name, functools.cache(getattr(sandbox, name)))
    yield
    for name in _LOOKED_UP:
        delattr(sandbox, name)


def _run(sandbox: state.Sandbox, service: str, count: int) -> None:
    """Desired and running tasks of a service, as it says them."""
    ecs = sandbox.client("ecs")
    ecs.update_service(cluster=state.CLUSTER, service=sandbox.service_name(service), desiredCount=count)
    overlay = sandbox.service(service)
    overlay["runningCount"] = count
    overlay["deployments"][0] |= {"desiredCount": count, "runningCount": count}


def target(count: int, directory: Path) -> Path:
    """A target file for so many of the services."""
    said = 'project = "ecommerce"\nenvironment = "dev"\nregion = "us-east-1"\n'
    said += "".join(f'[[services]]\nname = "{name}"\n' for name in names(count))
    file = directory / f"big-{count}.toml"
    file.write_text(said + "[database]\nsecret_is_master = true\n", encoding="utf-8")
    return file


class Big:
    """The served world, as run.measure takes it."""

    def __init__(self, count: int, tasks: int) -> None:
        command = (sys.executable, "-m", "tests.bench.big", "serve", str(count), str(tasks))
        self._process = subprocess.Popen(command, cwd=contestants.ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.endpoint_url = json.loads(self._process.stdout.readline())["endpoint_url"]
        self.pid = self._process.pid

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def measure(big: Any, count: int, shard: str = "") -> dict[str, Any]:
    """What judging so many services, or one shard of them, took."""
    file, out = target(count, contestants.OWN), contestants.OWN / "big"
    command = (str(contestants.BIN / "pytest"), "-q", "-m", contestants.SCENARIOS, "--target", str(file))
    options = ("--out", str(out), "-c", "pytest.ini", *contestants.CACHE, *(("--shard", shard) if shard else ()))
    one = contestants.Contestant(f"{count} services", ((*command, *options),), "")
    address = urlsplit(big.endpoint_url)
    with DelayProxy((str(address.hostname), int(address.port or 0)), RTT_S) as proxy:
        measured = run.measure(one, big, proxy)
    told = json.loads((out / "results.json").read_text())
    return {
        "services": count,
        "shard": shard,
        **run.medians([measured]),
        "items": sum(told["counts"].values()),
        "failed": told["counts"]["failed"] + told["counts"]["unverified"],
        "repeated": told["api"]["requests"] - told["api"]["distinct"],
        "html_mb": round((out / "report.html").stat().st_size / 1e6, 2),
    }


def _serve(count: int, tasks: int) -> None:
    sandbox = state.Sandbox.new(dt.datetime.now(dt.UTC))
    build(sandbox, count, tasks)
    serving, said = server.serve(sandbox)
    print(json.dumps(said), flush=True)
    serving.serve_forever()


def main() -> int:
    """Judge three, a target file of a twelfth, each of twelve shards as a machine of its own would, and all at once."""
    big = Big(SERVICES, TASKS)
    shards = [(SERVICES, f"{n}/{SHARDS}") for n in range(1, SHARDS + 1)]
    try:
        # The first run finds nothing that others keep.
        measure(big, 3)
        for count, shard in ((3, ""), (SERVICES // SHARDS, ""), *shards, (SERVICES, "")):
            print(json.dumps(measure(big, count, shard)), flush=True)
    finally:
        big.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(int(sys.argv[2]), int(sys.argv[3]))
    sys.exit(main())
