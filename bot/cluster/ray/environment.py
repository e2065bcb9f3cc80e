"""Environment variables that must be set before a process imports Ray."""

from __future__ import annotations

import os
from pathlib import Path

# No usage statistics, no repeated or coloured log lines, no modules from the working directory.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "PYTHONSAFEPATH": "1",
}
_MODE, _PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"


def ray_environment(token_file: Path | None) -> dict[str, str]:
    """Variables for a process that starts or joins a cluster; those already set win.

    Token: https://docs.ray.io/en/latest/ray-security/token-auth.html
    """
    ours = dict(_ENVIRONMENT)
    if token_file is not None and token_file.exists() and _MODE not in os.environ:
        ours |= {_MODE: "token", _PATH: str(token_file)}
    return ours | {name: os.environ[name] for name in ours if name in os.environ}
