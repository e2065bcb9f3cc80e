"""Telegram, through python-telegram-bot's Bot and loops of our own for updates, limits and retries.

Updates arrive by `polling` or `webhook` at `intake`, which stores them. `dispatcher` passes them to
`messages`, `callbacks` or `inline`, which start jobs with an answer of `answers` or `inline` as
their origin. `outbox` sends all messages, within the limits of `rate_limiter`.
"""

from bot.adapters.telegram.adapter import Telegram

__all__ = ["Telegram"]
