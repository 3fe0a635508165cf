FROM python:3.12.8-slim-bookworm
RUN <<EOF
true
EOF
RUN --mont=type=cache,target=/x true
