FROM python:3.12.8-slim-bookworm
RUN for f in a b; do echo $f
