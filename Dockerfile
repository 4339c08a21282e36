# Fairlead in a container: not root, of capabilities only what capture and ports below 1024 need where it is given that, at home on a read-only root.
#
#   docker build -t fairlead .
#   docker run --rm -p 127.0.0.1:3128:3128 -v "$PWD/fairlead.yaml:/etc/fairlead/fairlead.yaml:ro" fairlead
#
# Any Debian image with Node >= 20.11 and npm does as a base; test/e2e/offline-images makes one on a machine that cannot pull.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM packages AS dependencies
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM packages AS build
COPY build.mjs tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node build.mjs

# For everybody to read and run, whatever umask the repository was cloned with. (The classic builder knows no COPY --chmod.)
FROM ${NODE_IMAGE} AS files
WORKDIR /files
COPY package.json LICENSE docker/fairlead ./
# What it runs by until other settings are mounted over them.
ARG SETTINGS=docker/fairlead.yaml
COPY ${SETTINGS} ./fairlead.yaml
RUN chmod 0644 package.json LICENSE fairlead.yaml && chmod 0755 fairlead

FROM ${NODE_IMAGE}
# nft and ip are what capture is made with. setpriv hands capabilities on to them: a copy of it may take these, where the container has them
# (p without e: it runs also where the container has not).
RUN if ! command -v nft || ! command -v ip || ! command -v setcap || ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
      apt-get update && \
      apt-get install -y --no-install-recommends ca-certificates iproute2 libcap2-bin nftables && \
      rm -rf /var/lib/apt/lists/*; \
    fi >&2 && \
    useradd --system --uid 10128 --user-group --no-create-home --home-dir /var/lib/fairlead --shell /usr/sbin/nologin fairlead && \
    install -d -o fairlead -g fairlead -m 0700 /run/fairlead /var/lib/fairlead && \
    install -m 0755 "$(command -v setpriv)" /usr/local/bin/with-capabilities && \
    setcap cap_net_admin,cap_net_raw,cap_net_bind_service+p /usr/local/bin/with-capabilities
COPY --from=files /files/package.json /files/LICENSE /opt/fairlead/
COPY --from=dependencies /build/node_modules /opt/fairlead/node_modules
COPY --from=build /build/dist /opt/fairlead/dist
COPY --from=files /files/fairlead /usr/local/bin/fairlead
COPY --from=files /files/fairlead.yaml /etc/fairlead/fairlead.yaml

# Where the status socket and the last good PAC script are kept; on a read-only root, mount a tmpfs (and a volume, if you like) there.
ENV NODE_ENV=production XDG_RUNTIME_DIR=/run/fairlead STATE_DIRECTORY=/var/lib/fairlead
WORKDIR /etc/fairlead
USER fairlead
EXPOSE 3128
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s --retries=3 CMD ["fairlead", "status"]
ENTRYPOINT ["fairlead"]
CMD ["start"]
