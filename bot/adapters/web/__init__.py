"""LitteraGPT as a web page, served by aiohttp: `page/` is what a browser gets, as it lies there.

A request comes past `guard`, its visitor gets a name of `visitors`, and `requests` says what may be
asked. `writing` makes a job with an `AnswerStream` as its origin; `cards` draws.
"""

from bot.adapters.web.adapter import Web

__all__ = ["Web"]
