"""A loopback TCP proxy in front of the sandbox that adds the round trips that a network would.

Each HTTP request waits one round trip before it is handed on, also on a connection that is kept alive, and before
that for the end of TCP's handshake, which takes one round trip from when the connection was opened. TLS is left out:
its round trips and CPU for each connection would slow down most those who open many, so the comparison flatters them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

_END = b"\r\n\r\n"
_LINE = b"\r\n"
_BODYLESS = re.compile(rb"HTTP/1\.1 (?:204|304)\b")
_ALIVE = re.compile(rb"\r\nConnection: keep-alive", re.IGNORECASE)


@dataclass
class Traffic:
    """What went through the proxy; ``cpu_s`` is what the proxy itself took."""

    requests: int = 0
    connections: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    cpu_s: float = 0.0

    def begun(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)


class DelayProxy:
    """Serves on a free port of 127.0.0.1 from a thread of its own; a context manager.

    Args:
        upstream: host and port that really answer.
        rtt_s: the round trip; may be changed between runs.
        sleep: waits; tests give one that does not.
    """

    def __init__(
        self,
        upstream: tuple[str, int],
        rtt_s: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.upstream = upstream
        self.rtt_s = rtt_s
        self.port = 0
        self._sleep = sleep
        self._traffic = Traffic()
        self._began_s = 0.0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="delay-proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> DelayProxy:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def take(self) -> Traffic:
        """The traffic since the last time; counting begins anew."""
        return asyncio.run_coroutine_threadsafe(self._take(), self._loop).result()

    async def _take(self) -> Traffic:
        taken, self._traffic = self._traffic, Traffic()
        taken.cpu_s, self._began_s = time.thread_time() - self._began_s, time.thread_time()
        return taken

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._traffic.connections += 1
        open_at_s = self._loop.time() + self.rtt_s
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while request := await _one_request(reader):
                # Of the handshake, which began when the client connected, only what is left.
                handshake_s = max(0.0, open_at_s - self._loop.time())
                writer.write(await self._exchange(request, handshake_s))
                await writer.drain()
        writer.close()

    async def _exchange(self, request: bytes, handshake_s: float) -> bytes:
        traffic = self._traffic
        traffic.begun()
        try:
            if self.rtt_s:
                await self._sleep(handshake_s + self.rtt_s)
            return await _answer(self.upstream, request)
        finally:
            traffic.in_flight -= 1


async def _one_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(_END)
    return head + await _body(reader, _fields(head))


async def _answer(upstream: tuple[str, int], request: bytes) -> bytes:
    """The whole answer. The sandbox ends the connection after each; the client's is kept, as AWS does.

    Before the sandbox does so it waits 10 ms for whatever else may come, so its end is not waited for.
    """
    reader, writer = await asyncio.open_connection(*upstream)
    try:
        writer.write(_ALIVE.sub(b"", request.replace(_LINE, b"\r\nConnection: close\r\n", 1), 1))
        head = await reader.readuntil(_END)
        body = b"" if request.startswith(b"HEAD ") or _BODYLESS.match(head) else await _body(reader, _fields(head))
    finally:
        writer.close()
    return head.replace(b"\r\nConnection: close", b"") + body


async def _body(reader: asyncio.StreamReader, fields: Mapping[bytes, bytes]) -> bytes:
    if b"transfer-encoding" not in fields:
        return await reader.readexactly(int(fields.get(b"content-length", b"0")))
    body = b""
    size = -1
    while size:
        line = await reader.readuntil(_LINE)
        size = int(line.split(b";")[0], 16)
        body += line + (await reader.readexactly(size + len(_LINE)) if size else b"")
    while line != _LINE:
        line = await reader.readuntil(_LINE)
        body += line
    return body


def _fields(head: bytes) -> dict[bytes, bytes]:
    return dict(line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:])
