from __future__ import annotations

import datetime as dt
import itertools

import pytest

from checks.diagnosis import base_images
from fixtures.model.source import Dockerfile, Instruction

TODAY = dt.date(2026, 11, 20)


def dockerfile(text: str) -> Dockerfile:
    """One instruction per line; flags stand before the arguments; RUN has one argument."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        name, *words = line.split()
        flags = tuple(itertools.takewhile(lambda w: w.startswith("--"), words))
        args = tuple(words[len(flags) :])
        found.append(Instruction(name, (" ".join(args),) if name == "RUN" else args, flags, number))
    return Dockerfile("web/Dockerfile", "web", tuple(found))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM python:3.12", [(1, "python:3.12")]),
        ("ARG TAG=3.12\nFROM python:${TAG}-slim", [(2, "python:3.12-slim")]),
        ("ARG A=3\nARG B=$A.12\nFROM python:$B", [(3, "python:3.12")]),
        ("ARG TAG\nFROM python:${TAG:-3.12}", [(2, "python:3.12")]),
        # An ARG without default may be anything.
        ("ARG TAG\nFROM python:$TAG", []),
        ("FROM python:$TAG", []),
        (
            "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nFROM scratch\nCOPY --from=build /a /a",
            [(1, "golang:1.24")],
        ),
        # A stage is no image, whatever its case; by number neither.
        ("FROM node:22 AS Build\nFROM build\nCOPY --from=0 /a /a", [(1, "node:22")]),
        ("FROM node:22\nCOPY --from=nginx:1.28 /a /a", [(1, "node:22"), (2, "nginx:1.28")]),
        ("FROM node:22\nRUN --mount=type=bind,from=busybox:1.36,target=/b true", [(1, "node:22"), (2, "busybox:1.36")]),
        ("FROM node:22\nRUN --mount=type=cache,target=/b true", [(1, "node:22")]),
        # ARGs after the first FROM do not count for the next one.
        ("FROM node:22\nARG TAG=3\nFROM python:$TAG", [(1, "node:22")]),
        ("RUN true", []),
    ],
)
def test_images(text: str, found: list[tuple[int, str]]) -> None:
    assert base_images.images(dockerfile(text)) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM node:22 AS build\nFROM scratch\nCOPY --from=build /a /a", []),
        ("FROM python:$TAG", ["FROM python:$TAG: no ARG TAG before it"]),
        ("FROM python:${TAG:-3}", []),
        ("FROM node:22 AS build\nFROM scratch\nCOPY --from=biuld /a /a", ["--from=biuld: there is no earlier stage of that name; did you mean build?"]),
        ("FROM node:22 AS build\nFROM scratch\nCOPY --from=nginx /a /a", []),
        ("FROM node:22\nFROM scratch\nCOPY --from=0 /a /a", []),
        ("FROM node:22\nFROM scratch\nCOPY --from=1 /a /a", ["--from=1: there is no earlier stage 1"]),
    ],
)  # fmt: skip
def test_stages_that_no_builder_finds(text: str, words: list[str]) -> None:
    assert [p.words for p in base_images.wrong_stages(dockerfile(text))] == words


@pytest.mark.parametrize(
    ("text", "evidence", "severity"),
    [
        ("FROM python:latest", "web/Dockerfile:1: python:latest is tagged latest", None),
        ("FROM python", "web/Dockerfile:1: python has no tag, which means latest", None),
        ("FROM python:slim", "web/Dockerfile:1: python:slim is tagged slim, which moves to every release", "low"),
        ("FROM node:lts-alpine", "web/Dockerfile:1: node:lts-alpine is tagged lts-alpine, which moves to every release", "low"),
        ("FROM python:3.12-slim", "", None),
        ("FROM python@sha256:abc", "", None),
        ("FROM localhost:5000/app", "web/Dockerfile:1: localhost:5000/app has no tag, which means latest", None),
        ("FROM scratch", "", None),
        ("ARG TAG=3.12\nFROM python:$TAG", "", None),
        ("ARG TAG\nFROM python:$TAG", "web/Dockerfile:2: FROM python:$TAG: ARG TAG has no default, so any image may be used", None),
        ("FROM python:3.12 AS base\nFROM base", "", None),
    ],
)  # fmt: skip
def test_pins(text: str, evidence: str, severity: str | None) -> None:
    verdict = base_images.pinned([dockerfile(text)])
    assert (verdict.evidence, verdict.severity) == ((evidence,) if evidence else (), severity)


def test_support() -> None:
    assert base_images.supported([dockerfile("FROM python:3.12")], TODAY)
    verdict = base_images.supported([dockerfile("FROM python:3.8")], TODAY)
    assert verdict.evidence == (
        "web/Dockerfile:1: python:3.8: python 3.8 has had no security fixes since 2024-10-07",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM python:3.12", "the last stage rests on python:3.12; there is a slim variant"),
        ("FROM python:3.12-slim", ""),
        ("FROM node:22-alpine", ""),
        ("FROM golang:1.24", "the last stage rests on golang:1.24, with all of its compilers"),
        # Only what is shipped counts, through the stages that it rests on.
        ("FROM golang:1.24 AS build\nFROM scratch", ""),
        ("FROM python:3.12 AS base\nFROM base", "the last stage rests on python:3.12; there is a slim variant"),
        ("FROM alpine:3.22\nRUN apk add --no-cache gcc musl-dev", "gcc stays in the image: build in a first stage"),
        ("FROM debian:12\nRUN apt-get install -y g++", "g++ stays in the image: build in a first stage"),
        ("FROM alpine:3.22\nRUN apk add gcc && make && apk del gcc", ""),
        ("FROM debian:12\nRUN apt-get install -y libgcc-s1", ""),
        ("FROM debian:12\nRUN apt-get update && make", ""),
        ("FROM public.ecr.aws/lambda/python:3.12", ""),
        ("RUN true", ""),
    ],
)
def test_size(text: str, words: str) -> None:
    verdict = base_images.small([dockerfile(text)])
    assert (bool(verdict), verdict.evidence == ()) == (not words, not words)
    assert not words or words in verdict.evidence[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM python:3.12", "web/Dockerfile: it runs as root: no USER"),
        ("FROM python:3.12\nUSER app", ""),
        ("FROM python:3.12\nUSER 1000:1000", ""),
        ("FROM python:3.12\nUSER root", "web/Dockerfile:2: it runs as root"),
        ("FROM python:3.12\nUSER 0:0", "web/Dockerfile:2: it runs as 0:0"),
        # The last USER counts, also that of the stage it rests on, and not that of another one.
        ("FROM python:3.12\nUSER root\nUSER app", ""),
        ("FROM python:3.12\nUSER app\nUSER root", "web/Dockerfile:3: it runs as root"),
        ("FROM python:3.12 AS base\nUSER app\nFROM base", ""),
        ("FROM python:3.12 AS base\nUSER app\nFROM python:3.12", "web/Dockerfile: it runs as root: no USER"),
        # Some images bring a user along.
        ("FROM gcr.io/distroless/static:nonroot", ""),
        ("FROM nginxinc/nginx-unprivileged:1.28", ""),
        ("RUN true", ""),
    ],
)
def test_root(text: str, words: str) -> None:
    assert base_images.without_root([dockerfile(text)]).evidence == ((words,) if words else ())
