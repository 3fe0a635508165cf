FROM python:3.12.8-slim-bookworm
RUN <<EOF cat > /Dockerfile
FROM nowhere
COPYY a b
EOF
USER 1000
