FROM python:3.12.8-slim-bookworm
RUN python3 - <<EOF
import os
print("COPYY is a word here")
EOF
USER 1000
