"""Names of environment variables and of the settings file, and the error for a wrong setting."""

from __future__ import annotations

from model.errors import LitteraError

ENV_FILE = ".env"
# Created by editors that hide file extensions.
MISNAMED = ".env.txt"

PREFIX = "LITTERAGPT_"
PREFIXES = (PREFIX, "DISCORD_", "TELEGRAM_", "RAY_")
METRICS_PORT, WEBHOOK_PORT = "LITTERAGPT_METRICS_PORT", "TELEGRAM_WEBHOOK_PORT"
WEB_PORT = "LITTERAGPT_WEB_PORT"
SHARD_COUNT, SHARD_IDS = "DISCORD_SHARD_COUNT", "DISCORD_SHARD_IDS"
# The URL contains a password.
DATABASE_URL = "LITTERAGPT_DATABASE_URL"
SECRET_ENDINGS = ("TOKEN", "SECRET", "DATABASE_URL")

# Values of LITTERAGPT_EXECUTOR.
LOCAL, RAY = "local", "ray"


class SettingsError(LitteraError):
    """One or more settings are unusable; the message has one Spanish sentence per problem."""
