# The bot on a CPU. Where Python packages for CUDA are not wanted, pass the address of PyTorch's CPU
# wheels at build time:  docker build --build-arg PIP_EXTRA_INDEX_URL=… -t litteragpt .
FROM python:3.11-slim AS build
ARG PIP_EXTRA_INDEX_URL
# For the native kernel; without a compiler it would be left out.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bot bot
COPY model model
COPY training training
COPY checkpoints checkpoints
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_BUILD_CONSTRAINT=/src/constraints.txt
RUN python -m venv /app && /app/bin/pip install .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 littera
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER littera
WORKDIR /home/littera
# exec form: signals reach the bot itself
ENTRYPOINT ["litteragpt"]
CMD ["bot"]
