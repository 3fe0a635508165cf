FROM node:22.12.0-bookworm-slim AS deps
RUN true
FROM deps AS build
RUN true
FROM scratch
COPY --from=build /a /a
COPY --from=0 /b /b
USER 1000
