FROM python:3.12.8-slim-bookworm
RUN set -eux; for f in a b; do case "$f" in a) echo 1;; *) echo 2;; esac; done; if [ -n "$HOME" ]; then echo; fi
USER 1000
