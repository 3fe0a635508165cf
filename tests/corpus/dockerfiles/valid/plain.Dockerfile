FROM python:3.12.8-slim-bookworm
WORKDIR /app
COPY app.py ./
USER 10001
CMD ["python", "app.py"]
