# LitteraGPT as a container: the bot on a CPU, and small, unless it is built otherwise. How to build
# and run it, and what was tried of it, is in docs/operating.md.

# Debian 12 with Python 3.11, or an image that has the same and more
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# For the native kernel, which needs a compiler, and to take debugging symbols out of libraries
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
# Where packages come from, if not from where pip takes them by itself
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
# From an environment of its own, so that pip itself is not in the image
RUN python -m venv /pip && python -m venv --without-pip /app && \
    /pip/bin/pip --python /app/bin/python install ".${EXTRAS:+[$EXTRAS]}"
# What no running program needs goes: the libraries' own tests and debugging symbols. Where packages
# bring whole libraries, they have prepared those themselves.
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
# The port for health and metrics is the container's own only, until LITTERAGPT_METRICS_HOST says
# otherwise.
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 LITTERAGPT_STATE_DIR=/var/lib/litteragpt \
    LITTERAGPT_METRICS_PORT=9464
# The image is worth nothing if this fails. It also leaves what Python compiles of its own library,
# which comes without in this base.
RUN LITTERAGPT_ENGINE=native LITTERAGPT_METRICS_PORT=0 litteragpt doctor
ENV PYTHONDONTWRITEBYTECODE=1
# By number, so that Kubernetes can see that it is not root
USER 10001:10001
# The bot's memory; also where `litteragpt setup` leaves .env and `litteragpt bot` finds it
WORKDIR /var/lib/litteragpt
VOLUME /var/lib/litteragpt
# What runs is finished before the end, for LITTERAGPT_SHUTDOWN_SECONDS: give it more time than that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["litteragpt", "health"]
# As a list, so that signals reach the program itself. Run it with an init (docker run --init): the
# kernel keeps a signal from process 1 that has not said yet what to do with it, as in its first second.
ENTRYPOINT ["litteragpt"]
CMD ["bot"]
