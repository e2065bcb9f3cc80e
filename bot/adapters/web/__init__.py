"""LitteraGPT as a web page, served by aiohttp; `page/` has the files that browsers load.

`guard` checks every request, `visitors` identifies the requester, and `requests` validates the
body. `writing` starts a job with an `AnswerStream` as its origin; `cards` renders cards.
"""

from bot.adapters.web.adapter import Web

__all__ = ["Web"]
