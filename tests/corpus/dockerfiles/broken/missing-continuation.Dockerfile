FROM python:3.12.8-slim-bookworm
RUN apt-get update
 && apt-get install -y curl
