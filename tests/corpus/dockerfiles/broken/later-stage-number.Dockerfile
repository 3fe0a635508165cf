FROM alpine:3.22.1
COPY --from=1 /a /a
FROM scratch
