"""The benchmark's own parts: that what it measures with counts and delays as it says."""

from __future__ import annotations

import asyncio
import dataclasses
import http.client
import http.server
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.bench import big, bound, contestants, present, run
from tests.bench.delay import DelayProxy


class _Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[tuple[str, int]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "127.0.0.1", server.server_port
    server.shutdown()
    server.server_close()


def _ask(connection: http.client.HTTPConnection, body: bytes) -> bytes:
    connection.request("POST", "/", body)
    return connection.getresponse().read()


def test_a_kept_connection_waits_once_per_request_and_once_more_for_its_handshake(upstream: tuple[str, int]) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(seconds)

    with DelayProxy(upstream, 0.05, sleep) as proxy:
        kept = http.client.HTTPConnection("127.0.0.1", proxy.port)
        assert [_ask(kept, b"a" * n) for n in (0, 1, 200_000)] == [b"", b"a", b"a" * 200_000]
        # Of the handshake what is left when the request comes.
        assert 0.05 <= waits[0] <= 0.1
        assert waits[1:] == [0.05, 0.05]
        other = http.client.HTTPConnection("127.0.0.1", proxy.port)
        assert _ask(other, b"b") == b"b"
        taken = proxy.take()
        assert (taken.requests, taken.connections, taken.in_flight, taken.most_in_flight) == (4, 2, 0, 1)
        assert 0.05 <= waits[3] <= 0.1
        proxy.rtt_s = 0.0
        _ask(kept, b"c")
        again = proxy.take()
        assert (again.requests, again.connections) == (1, 0)
        assert len(waits) == 4
        kept.close()
        other.close()


def test_of_a_handshake_that_was_begun_ahead_nothing_is_left(upstream: tuple[str, int]) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with DelayProxy(upstream, 0.01, sleep) as proxy:
        ahead = http.client.HTTPConnection("127.0.0.1", proxy.port)
        ahead.connect()
        time.sleep(0.05)
        assert _ask(ahead, b"a") == b"a"
        ahead.close()

    assert waits == [0.01]


def test_answers_in_chunks_pass_through_and_connections_that_end_do_not() -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\nd0\r\n\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nfg",
    ]
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        # One answer for each connection, whatever the proxy would like.
        for answer in answers:
            connection, _ = listening.accept()
            connection.recv(65_536)
            connection.sendall(answer)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    with DelayProxy(("127.0.0.1", listening.getsockname()[1])) as proxy:
        kept = http.client.HTTPConnection("127.0.0.1", proxy.port)
        assert [_ask(kept, b"x"), _ask(kept, b"x")] == [b"abcd0\r\n", b"fg"]
        assert proxy.take().connections == 1
        kept.close()
    listening.close()


def test_requests_on_several_connections_are_in_flight_together(upstream: tuple[str, int]) -> None:
    here = threading.Barrier(3)

    async def sleep(_: float) -> None:
        # Nobody goes on before all three have come.
        await asyncio.get_running_loop().run_in_executor(None, here.wait)

    with DelayProxy(upstream, 1.0, sleep) as proxy:
        connections = [http.client.HTTPConnection("127.0.0.1", proxy.port) for _ in range(3)]
        threads = [threading.Thread(target=_ask, args=(c, b"x")) for c in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert proxy.take().most_in_flight == 3
        for connection in connections:
            connection.close()


def test_a_round_measures_each_contestant_and_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # This environment's programs instead of those that `make bench` installs.
    monkeypatch.setattr(contestants, "BIN", Path(sys.executable).parent)
    monkeypatch.setattr(contestants, "OWN", tmp_path)

    def two(*_: object) -> list[contestants.Contestant]:
        return [contestants.suite("this suite", "-k", "test_x or database_is_available"), contestants.bound()]

    said: list[str] = []
    found = {(one.name, d): [m] for one, d, m in run.rounds(1, [0], two, said.append, warm=False)}
    assert len(said) == 2
    suite = found["this suite", 0][0]
    assert suite.requests >= 2
    assert suite.connections <= suite.requests
    assert suite.memory_mb > 20
    assert 0 < found["lower bound", 0][0].cpu_s < 60
    # Nothing is asked where nothing is judged.
    assert found["lower bound", 0][0].requests == 0
    document = present.document({k: run.medians(v) for k, v in found.items()}, {}, (3, ("caller",)), 1)
    assert "times the bound" in present.table(document)


def test_a_contestant_that_fails_ends_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "OWN", tmp_path)
    with pytest.raises(run.BenchError, match="no such thing"):
        run._run(contestants.Contestant("x", ((sys.executable, "-c", "raise SystemExit('no such thing')"),), ""), {})


def test_ratios_and_goals(tmp_path: Path) -> None:
    def walls(wall_s: float) -> dict[str, float]:
        return dataclasses.asdict(run.Measured(wall_s, 1.0, 90.0, 9, 3, 2, 0.1))

    results = {
        ("this suite", 50): walls(2.0),
        ("lower bound", 50): walls(1.5),
        ("the guide's aws commands", 50): walls(20.0),
    }
    document = present.document(results, {}, (2, ("caller", "cluster")), 1)
    told = {r["to"]: (r["ratio"], r["met"]) for r in document["ratios"]}
    # 1.5 s of imports and two round trips of 50 ms.
    assert told == {"lower bound": (1.25, True), "the guide's aws commands": (10.0, False)}
    present.write(document, tmp_path)
    assert json.loads((tmp_path / "bench.json").read_text())["ratios"] == document["ratios"]
    assert "this suite: 2.0 s" in (tmp_path / "bench.svg").read_text()


def test_the_critical_path_counts_only_what_was_asked() -> None:
    facts = bound.load()
    assert bound.trips(facts, frozenset())[0] == 0
    assert bound.trips(facts, frozenset({"ecs:DescribeServices"})) == (2, ("services",))
    asked = frozenset({"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "rds:DescribeDBInstances"})
    assert bound.trips(facts, asked)[0] >= 3


def test_a_big_world_is_healthy_and_of_its_size(tmp_path: Path) -> None:
    from fixtures.target import load_target

    file = big.target(5, tmp_path)
    assert [s.name for s in load_target(str(file)).services] == ["product", "order", "frontend", "s000", "s001"]
    world = big.Big(5, 12)
    try:
        access = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        ecs = boto3.client("ecs", endpoint_url=world.endpoint_url, **access)
        found = ecs.describe_services(
            cluster=contestants.CLUSTER, services=[f"ecommerce-dev-{n}" for n in big.names(5)]
        )
        assert [s["runningCount"] for s in found["services"]] == [3, 3, 2, 2, 2]
        assert len(ecs.list_tasks(cluster=contestants.CLUSTER)["taskArns"]) == 12
    finally:
        world.close()
