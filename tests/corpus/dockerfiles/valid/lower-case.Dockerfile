from python:3.12.8-slim as base
run true
user 1000
