FROM python:3.12.8-slim-bookworm
RUN if true; then echo a
