FROM python:3.12.8-slim-bookworm
LABEL maintainer="a@example.com"
USER 1000
