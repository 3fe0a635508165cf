FROM python:3.12.8-slim-bookworm
ONBUILD COPY . /app
ONBUILD RUN true
USER 1000
