ARG TAG
FROM python:${TAG:-3.12.8-slim}
USER 1000
