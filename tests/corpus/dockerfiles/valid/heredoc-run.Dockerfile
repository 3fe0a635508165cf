# syntax=docker/dockerfile:1
FROM python:3.12.8-slim-bookworm
RUN <<EOF
set -e
echo hello
EOF
USER 1000
CMD ["sh"]
