FROM python:3.12.8-slim-bookworm
COPY --form=build a b
