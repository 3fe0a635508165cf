FROM python:3.12.8-slim-bookworm
RUN <<-EOF
	set -e
	echo hello
	EOF
COPY a /b/
WORKDIR /b
ENV A=1 B="two words"
RUN echo ok
USER 1000
