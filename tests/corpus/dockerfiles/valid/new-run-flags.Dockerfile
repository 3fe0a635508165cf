# syntax=docker/dockerfile:1-labs
FROM python:3.12.8-slim-bookworm
RUN --device=vendor1.com/device=abc true
ADD --unpack=true a.tar /a
USER 1000
