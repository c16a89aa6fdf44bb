# Two images, made of what `npm run build` has put into dist/:
#   docker build --target control-plane .   the API (default command) and the controller (command /app/controller/main.js)
#   docker build --target hello .           the sample app
ARG NODE_IMAGE=node:24-slim
FROM ${NODE_IMAGE} AS system

# Of that system: node, and what it is linked to (libatomic on some processors). No shell, no package manager. Nothing
# runs while this is built, so any machine builds it for any processor: --platform linux/arm64.
FROM scratch AS node
COPY --from=system /usr/local/bin/node /usr/local/bin/node
COPY --from=system /usr/lib/*-linux-gnu/ld-linux-* /lib/
COPY --from=system /usr/lib/*-linux-gnu/ld-linux-* /lib64/
COPY --from=system \
  /usr/lib/*-linux-gnu/libc.so.6 \
  /usr/lib/*-linux-gnu/libm.so.6 \
  /usr/lib/*-linux-gnu/libdl.so.2 \
  /usr/lib/*-linux-gnu/libpthread.so.0 \
  /usr/lib/*-linux-gnu/libgcc_s.so.1 \
  /usr/lib/*-linux-gnu/libstdc++.so.6* \
  /usr/lib/*-linux-gnu/libatomic.so.1* \
  /usr/lib/
# The root may be read-only; nobody is at home there.
ENV NODE_ENV=production PATH=/usr/local/bin HOME=/tmp
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["/usr/local/bin/node"]

FROM node AS hello
COPY examples/hello/server.mjs /app/
ENV PORT=8080
EXPOSE 8080
CMD ["/app/server.mjs"]

FROM node AS control-plane
COPY dist/image /app/
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/node", "/app/health.js"]
CMD ["/app/api/main.js"]
