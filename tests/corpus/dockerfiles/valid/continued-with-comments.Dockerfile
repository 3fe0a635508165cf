FROM python:3.12.8-slim-bookworm
RUN apt-get update \
    # why this
    && apt-get install -y --no-install-recommends curl=7.88.1-10+deb12u8 \

    && rm -rf /var/lib/apt/lists/*
USER 1000
