"""Taking a port for a small server, or saying in one sentence why it cannot be had."""

from __future__ import annotations

import os

from aiohttp import web

from bot.platform import RefusedError
from bot.texts import say


async def listen(runner: web.BaseRunner, host: str, port: int, setting: str) -> None:
    """Begin to listen. Raises RefusedError, which names the setting that says where."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        # asyncio's own words repeat the address; the names of hosts have numbers below zero.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror or str(error)
        sentence = say("port", host=host, port=port, reason=reason, setting=setting)
        raise RefusedError(sentence) from None
