FROM python:3.12.8-slim-bookworm
COPY ["a b", "c", "/d/"]
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN ["echo", "a"]
ENTRYPOINT ["a"]
CMD []
USER 1000
