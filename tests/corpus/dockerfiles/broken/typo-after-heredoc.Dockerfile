FROM python:3.12.8-slim-bookworm
RUN <<EOF
set -e
echo hi
EOF
COPYY a b
