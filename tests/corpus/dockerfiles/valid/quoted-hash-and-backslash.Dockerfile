FROM python:3.12.8-slim-bookworm
RUN echo "# no comment" && echo a\ b
ENV X="a\\"
USER 1000
