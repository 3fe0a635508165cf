FROM python:3.12.8-slim-bookworm
LABEL beschreibung="Größe 日本語 🐳"
RUN echo "naïve"
USER 1000
