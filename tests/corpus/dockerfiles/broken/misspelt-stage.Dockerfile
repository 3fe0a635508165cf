FROM alpine:3.22.1 AS build
FROM scratch
COPY --from=biuld /a /a
