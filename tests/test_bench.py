"""The benchmark's own parts: that what it measures with counts and delays as it says."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator

import pytest

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

    with DelayProxy(upstream, 0.05, sleep) as proxy:
        kept = http.client.HTTPConnection("127.0.0.1", proxy.port)
        assert [_ask(kept, b"a" * n) for n in (0, 1, 200_000)] == [b"", b"a", b"a" * 200_000]
        assert waits == [0.1, 0.05, 0.05]
        other = http.client.HTTPConnection("127.0.0.1", proxy.port)
        assert _ask(other, b"b") == b"b"
        taken = proxy.take()
        assert (taken.requests, taken.connections, taken.in_flight, taken.most_in_flight) == (4, 2, 0, 1)
        assert waits[3:] == [0.1]
        proxy.rtt_s = 0.0
        _ask(kept, b"c")
        again = proxy.take()
        assert (again.requests, again.connections) == (1, 0)
        assert len(waits) == 4
        kept.close()
        other.close()


def test_requests_on_several_connections_are_in_flight_together(upstream: tuple[str, int]) -> None:
    here = threading.Barrier(3)

    async def sleep(_: float) -> None:
        import asyncio

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
