"""What Ray is to find in a process's environment before it is imported there."""

from __future__ import annotations

import os
from pathlib import Path

# Nothing is reported to anybody, nothing is told twice, and what lies in a working directory is
# none of a worker's business.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "PYTHONSAFEPATH": "1",
}
_MODE, _PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"


def ray_environment(token_file: Path | None) -> dict[str, str]:
    """The environment for a process that starts or joins a cluster.

    What the environment says already counts more, about the token too: Ray's own variables are
    https://docs.ray.io/en/latest/ray-security/token-auth.html.
    """
    ours = dict(_ENVIRONMENT)
    if token_file is not None and token_file.exists() and _MODE not in os.environ:
        ours |= {_MODE: "token", _PATH: str(token_file)}
    return ours | {name: os.environ[name] for name in ours if name in os.environ}
