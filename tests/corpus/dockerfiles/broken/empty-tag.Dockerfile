ARG TAG=
FROM python:${TAG}
