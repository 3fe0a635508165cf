FROM public.ecr.aws/docker/library/python:3.12.8@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
USER 1000
