FROM node:22.12.0-slim AS Build
RUN true
FROM BUILD
COPY --from=build /a /a
USER 1000
