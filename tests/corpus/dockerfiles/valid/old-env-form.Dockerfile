FROM python:3.12.8-slim-bookworm
ENV KEY some value with spaces
USER 1000
