# LitteraGPT as a container, by default for a CPU and without PyTorch. docs/operating.md says how to
# build and run it. `make image` passes a base that debootstrap makes where no registry is reachable.

# Debian 12 with Python 3.11, or an image that adds to them
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
# gcc compiles the native kernel and brings strip, which is used below.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
# Another package index than pip's default
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
# "torch" adds PyTorch, for a GPU
ARG EXTRAS=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY model model
COPY training training
COPY checkpoints checkpoints
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_BUILD_CONSTRAINT=/src/constraints.txt
# pip runs in a separate environment and so stays out of the image. The optional secrets configure it:
# a pip.conf, and the certificates that it may name.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates \
    python -m venv /pip && python -m venv --without-pip /app && \
    /pip/bin/pip --python /app/bin/python install ".${EXTRAS:+[$EXTRAS]}"
# Remove the libraries' own tests and debugging symbols. Shared libraries that a wheel bundles (*.libs)
# are stripped already.
RUN find /app -type d -name tests -prune -exec rm -r {} + && \
    find /app -name "*.so" -not -path "*.libs/*" -not -path "*/torch/*" -exec strip --strip-debug {} +

FROM ${BASE}
LABEL org.opencontainers.image.title="LitteraGPT" \
      org.opencontainers.image.description="Continúa una frase con dos oraciones al modo de los clásicos españoles" \
      org.opencontainers.image.version="1.0.0.dev0" \
      org.opencontainers.image.licenses="Apache-2.0 AND OFL-1.1"
RUN groupadd --gid 10001 littera && \
    useradd --uid 10001 --gid littera --home-dir /var/lib/litteragpt --no-create-home \
        --shell /usr/sbin/nologin littera && \
    install --directory --owner=littera --group=littera --mode=0700 /var/lib/litteragpt
COPY --from=build /app /app
# The port for health and metrics listens inside the container only; LITTERAGPT_METRICS_HOST changes
# that.
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 LITTERAGPT_STATE_DIR=/var/lib/litteragpt \
    LITTERAGPT_METRICS_PORT=9464
# The build fails if the bot could not run. This also compiles the standard library, which the base
# image ships without bytecode.
RUN LITTERAGPT_ENGINE=native LITTERAGPT_METRICS_PORT=0 litteragpt doctor
ENV PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes can verify runAsNonRoot
USER 10001:10001
# The bot's state, and the .env that `litteragpt setup` writes and `litteragpt bot` reads
WORKDIR /var/lib/litteragpt
VOLUME /var/lib/litteragpt
# Running requests finish within LITTERAGPT_SHUTDOWN_SECONDS; allow more time before SIGKILL.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["litteragpt", "health"]
# A list, so that signals reach the program and not a shell. Run it with an init (docker run --init):
# process 1 receives only signals that it handles, and the bot handles none in its first second.
ENTRYPOINT ["litteragpt"]
CMD ["bot"]
