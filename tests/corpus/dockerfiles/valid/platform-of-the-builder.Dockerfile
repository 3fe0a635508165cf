FROM --platform=$BUILDPLATFORM golang:1.25.3 AS build
ARG TARGETARCH
RUN GOARCH=$TARGETARCH go build -o /a
FROM build AS linux-amd64
FROM build AS linux-arm64
FROM linux-${TARGETARCH}
USER 1000
