"""Telegram, through python-telegram-bot's Bot and loops of our own for updates, limits and retries.

An update comes in by `polling` or `webhook`, is taken by `intake` and handed by `dispatcher` to
`messages`, `callbacks`, `inline` or `guest`; these make a job with an answer (`answers`, `inline`,
`guest`) as its origin, which `outbox` sends under the rules of `rate_limiter`.
"""

from bot.adapters.telegram.adapter import Telegram

__all__ = ["Telegram"]
