FROM python:3.12.8-slim-bookworm
COPY <<EOF /etc/motd
welcome
EOF
USER 1000
