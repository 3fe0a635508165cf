from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import end_of_life as eol

TODAY = dt.date(2026, 11, 20)


@pytest.mark.parametrize(
    ("image", "name", "tag"),
    [
        ("python", "python", ""),
        ("python:3.12-slim", "python", "3.12-slim"),
        ("docker.io/library/python:3.12", "python", "3.12"),
        ("docker.io/python:3.12", "python", "3.12"),
        ("library/python", "python", ""),
        ("public.ecr.aws/docker/library/node:20", "node", "20"),
        ("python:3.12@sha256:abc", "python", "3.12"),
        ("python@sha256:abc", "python", ""),
        ("public.ecr.aws/amazonlinux/amazonlinux:2", "amazonlinux", "2"),
        # Anybody else's image of the same name is another product.
        ("bitnami/python:3.6", "", "3.6"),
        ("localhost:5000/python", "", ""),
        ("localhost:5000/python:3.6", "", "3.6"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/python:3.6", "", "3.6"),
    ],
)
def test_names_and_tags(image: str, name: str, tag: str) -> None:
    assert (eol.official_name(image), eol.tag_of(image)) == (name, tag)


@pytest.mark.parametrize(
    ("image", "ended"),
    [
        ("python:3.9", "python 3.9 has had no security fixes since 2025-10-31"),
        ("python:3.9.18-slim", "python 3.9 has"),
        ("python:3.12", ""),
        ("python:3.12-slim-bullseye", "debian 11 has"),
        ("python:3.12-slim-bookworm", ""),
        ("python:3.12-alpine3.18", "alpine 3.18 has"),
        ("python:3.12-alpine3.22", ""),
        ("python:3.12-alpine", ""),
        # Below the first version of a table all has ended.
        ("python:2.6", "python 2.6 has"),
        ("node:8", "node 8 has"),
        ("node:8.17.0", "node 8.17.0 has"),
        ("debian:7", "debian 7 has"),
        # A major version alone moves on with its releases, and versions to come are not known.
        ("python:3", ""),
        ("ubuntu:24.04", ""),
        ("ubuntu:99.04", ""),
        ("node:18-alpine", "node 18 has"),
        ("node:20.11.1-bookworm-slim", "node 20 has"),
        ("node:v18", "node 18 has"),
        ("postgres:14", "postgres 14 has"),
        ("nginx:1.27-alpine", "nginx 1.27 has"),
        ("amazonlinux:2", "amazonlinux 2 has"),
        ("amazonlinux:2023", ""),
        ("amazonlinux:2018.03", "amazonlinux 2018.03 has"),
        ("centos:7", "centos 7 has"),
        ("ubuntu:focal", "ubuntu 20.04 has"),
        ("ubuntu:focal-20240530", "ubuntu 20.04 has"),
        ("node:22-buster-slim", "debian 10 has"),
        # Somebody else's image with an ended distribution in its tag rests on it all the same.
        ("rust:1.80-buster", "debian 10 has"),
        ("python:latest", ""),
        ("python", ""),
        ("python@sha256:abc", ""),
        ("scratch", ""),
        ("bitnami/python:3.6", ""),
        ("redis:3", ""),
    ],
)
def test_images(image: str, ended: str) -> None:
    said = eol.end_of_life(image, TODAY)
    assert said.startswith(f"{image}: {ended}") if ended else said == ""


def test_the_last_day_still_counts() -> None:
    assert eol.end_of_life("python:3.9", dt.date(2025, 10, 31)) == ""
    assert eol.end_of_life("python:3.9", dt.date(2025, 11, 1))


def test_tables_are_complete() -> None:
    assert set(eol.SOURCES) == set(eol.VERSIONS)
    for product, version in eol.CODE_NAMES.values():
        assert version in eol.VERSIONS[product]


@given(st.text(alphabet="abcdefghpythonnodelatest:/@.-0123456789$", max_size=40))
def test_any_reference_can_be_judged(image: str) -> None:
    assert isinstance(eol.end_of_life(image, TODAY), str)


@given(st.sampled_from([(p, v) for p, vs in eol.VERSIONS.items() for v in vs]), st.dates())
def test_what_has_ended_stays_ended(release: tuple[str, str], day: dt.date) -> None:
    image = ":".join(release)
    if eol.end_of_life(image, day) and day < dt.date.max:
        assert eol.end_of_life(image, day + dt.timedelta(days=1))
