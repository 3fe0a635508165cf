# syntax=docker/dockerfile:1.7-labs
FROM python:3.12.8-slim-bookworm
COPY --link --chmod=755 --chown=1000:1000 a /a
COPY --exclude=*.md --parents src /src
ADD --checksum=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa https://example.com/x /x
HEALTHCHECK --interval=30s --start-interval=5s CMD ["true"]
USER 1000
