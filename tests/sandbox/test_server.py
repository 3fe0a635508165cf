"""Worlds of one host: each with an address of its own, or one after the other at the same one."""

from __future__ import annotations

import json
import urllib.request

import pytest

from fixtures.sandbox.server import Host, SandboxError, World


def asked(world: World) -> list[dict[str, object]]:
    """What a world was asked so far."""
    with urllib.request.urlopen(f"{world.endpoint_url}/_sandbox/requests") as answer:
        found: list[dict[str, object]] = json.load(answer)
    return found


def test_worlds_at_once_have_addresses_of_their_own(host: Host) -> None:
    with host.fork() as one, host.fork() as other:
        assert one.endpoint_url != other.endpoint_url
        assert asked(one) == asked(other) == []


def test_a_fault_in_the_source_touches_nothing_of_aws(host: Host) -> None:
    with host.fork() as healthy, host.fork(["dockerfile-deleted"]) as source, host.fork(["rule-removed"]) as aws:
        assert [w.touched for w in (healthy, source, aws)] == [False, False, True]


def test_a_world_that_cannot_be_made_is_in_no_others_way(host: Host) -> None:
    with pytest.raises(SandboxError, match="no-such-fault"):
        host.fork(["no-such-fault"], same_address=True)
    with host.fork(same_address=True) as world:
        assert asked(world) == []


def test_worlds_one_after_the_other_may_share_an_address(host: Host) -> None:
    with host.fork(same_address=True) as one:
        assert asked(one) == []
        pid = one.pid
    with host.fork(same_address=True) as other:
        assert asked(other) == []
        assert other.endpoint_url == one.endpoint_url
        assert other.pid != pid
