ARG A=1
LABEL a=b
FROM python:3.12
