"""A proxy on loopback that does to requests what networks, proxies and AWS's bad days do, by a plan without chance."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

from fixtures.sandbox.server import World
from fixtures.sandbox.wire import Call, Refused, _send, read_call
from tests.bench.delay import DelayProxy, _answer, _one_request

Fate = Literal[
    "answered",
    "throttled",
    "failing",  # HTTP 500 with AWS's own error
    "busy",  # HTTP 503 of whatever stands in between
    "expired",
    "reset",  # the connection ends without an answer
    "cut",  # the connection ends in the middle of the answer
    "half",  # half an answer that looks like a whole one
    "page",  # HTTP 200 with a page to sign in
    "stalled",  # nothing, for as long as the client waits
    "endless",  # every page says that there is another
]
# What happens to a request; attempts count from 1 for each distinct request.
Plan = Callable[[Call, int], Fate]
_REFUSED = {
    "throttled": Refused("ThrottlingException", "Rate exceeded", 400),
    "failing": Refused("InternalFailure", "We have an internal error", 500),
    "expired": Refused("ExpiredTokenException", "The security token included in the request is expired", 400),
}
_PAGE = b"<html><body><h1>Sign in to the network</h1></body></html>"


class FaultyNetwork(DelayProxy):
    """The way to a sandbox world, with a plan of what goes wrong on it.

    Args:
        plan: may be asked from the proxy's thread only, so it may keep something in mind.
    """

    def __init__(self, world: World, plan: Plan) -> None:
        address = urlsplit(world.endpoint_url)
        super().__init__((str(address.hostname), int(address.port or 0)))
        self.world = copy.copy(world)
        self.fates: Counter[tuple[str, Fate]] = Counter()
        self._plan = plan
        self._attempts: Counter[bytes] = Counter()
        self._pages = 0

    def __enter__(self) -> FaultyNetwork:
        super().__enter__()
        self.world.endpoint_url = self.url
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while await self._exchanged(await _one_request(reader), writer):
                pass
        writer.close()

    async def _exchanged(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Send what comes back; whether the connection lives on."""
        answer, lives = await self._happens(request)
        writer.write(answer)
        await writer.drain()
        return lives

    async def _happens(self, request: bytes) -> tuple[bytes, bool]:
        """What comes back, and whether the connection lives on."""
        call = _read(request)
        if call is None:
            answer = await _answer(self.upstream, request)
            return (answer, True) if answer.startswith(b"HTTP") else (b"", False)
        same = _identity(request)
        self._attempts[same] += 1
        fate = self._plan(call, self._attempts[same])
        self.fates[call.operation, fate] += 1
        if fate in _REFUSED:
            return _refusal(call, _REFUSED[fate]), True
        if fate == "stalled":
            await asyncio.Event().wait()
        if fate == "reset":
            return b"", False
        if fate == "page":
            return _message(200, "text/html", _PAGE), True
        if fate == "busy":
            return _message(503, "text/plain", b"busy"), True
        return self._damaged(fate, await _answer(self.upstream, request))

    def _damaged(self, fate: Fate, answer: bytes) -> tuple[bytes, bool]:
        body = answer.partition(b"\r\n\r\n")[2]
        if fate == "cut":
            return answer[: len(answer) - len(body) // 2 - 1], False
        if fate == "half":
            return _message(200, "application/octet-stream", body[: len(body) // 2]), True
        if fate == "endless":
            self._pages += 1
            return _message(200, "application/x-amz-json-1.1", _with_a_next_page(body, self._pages)), True
        return answer, True


def _with_a_next_page(body: bytes, number: int) -> bytes:
    token = f"page-{number}"
    return json.dumps({**json.loads(body), "nextToken": token, "NextToken": token}).encode()


def _read(request: bytes) -> Call | None:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, address, _ = first.split(" ", 2)
    path, _, query = address.partition("?")
    headers = {
        name.strip().upper().replace("-", "_"): value.strip() for name, _, value in (x.partition(":") for x in lines)
    }
    environ: dict[str, Any] = {f"HTTP_{name}": value for name, value in headers.items()}
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body))}
    environ |= {"CONTENT_TYPE": headers.get("CONTENT_TYPE", ""), "wsgi.input": io.BytesIO(body)}
    return read_call(environ)


def _identity(request: bytes) -> bytes:
    """What is the same whenever a request is repeated: neither its time nor its signature."""
    head, _, body = request.partition(b"\r\n\r\n")
    kept = [
        line for line in head.split(b"\r\n") if line.lower().startswith((b"get ", b"post ", b"head ", b"x-amz-target"))
    ]
    return b"\n".join((*kept, body))


def _refusal(call: Call, refused: Refused) -> bytes:
    said: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        said.update(status=int(status.split()[0]), kind=dict(headers)["Content-Type"])

    body = b"".join(_send(call, refused, start_response))
    return _message(said["status"], said["kind"], body)


def _message(status: int, kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def bad_weather(seed: str, shares: dict[Fate, float], within: int) -> Plan:
    """Of the first attempts at each operation so large shares go wrong; the one after ``within`` failures never does.

    The same operation meets the same fate in every run, however its requests are spread over threads.
    """

    def plan(call: Call, attempt: int) -> Fate:
        if attempt > within:
            return "answered"
        drawn = random.Random(f"{seed} {call.operation} {attempt}").random()
        for fate, share in _cumulated(shares):
            if drawn < share:
                return fate
        return "answered"

    return plan


def _cumulated(shares: dict[Fate, float]) -> Iterator[tuple[Fate, float]]:
    total = 0.0
    for fate, share in shares.items():
        total += share
        yield fate, total
