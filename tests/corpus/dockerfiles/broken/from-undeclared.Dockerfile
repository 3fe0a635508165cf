FROM python:${VERSION}
