FROM python:3.12.8-slim-bookworm
RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token --network=none true
RUN --mount=type=bind,source=app.py,target=/app.py python /app.py
USER 1000
