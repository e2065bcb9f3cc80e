"""Discord as the core sees it: a life that can be supervised, and the five verbs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import aiohttp

from bot.adapters.discord.buttons import answer_buttons, endings_buttons, picture_of
from bot.adapters.discord.client import endpoints
from bot.adapters.discord.delivery import Reply
from bot.adapters.discord.layout import layout_of
from bot.adapters.discord.localization import call_commands
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import answer_message, draft_message, endings_message
from bot.adapters.discord.shard import Shard, TooFewShardsError
from bot.adapters.discord.starts import SPACING, Starts, ask_limits
from bot.adapters.discord.wire import TOKEN_SECONDS
from bot.card import card_of
from bot.context import Core
from bot.net.tasks import TaskSet
from bot.requests.connection import Connection
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import SELDOM, RefusedError
from bot.service.supervision import supervise
from bot.texts import say
from bot.texts.number_ranges import write_ranges

log = logging.getLogger(__name__)

# Once Discord has refused, answers under way may still go out, but the next life waits for them.
FAREWELL_SECONDS = 30.0


class Discord:
    """The platform Discord; a job's origin is the `Reply` to its interaction."""

    name = "discord"
    # Discord itself would tell people that the application did not respond.
    may_stay_silent = False
    patience = TOKEN_SECONDS
    pace = SELDOM

    def __init__(self, core: Core) -> None:
        self.core = core
        self.connection = Connection(total=1)
        self.trace = _counting_limits(core.service.stats.rate_limited, self.name)
        self._jobs = TaskSet()
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """The HTTP session of the life that lasts; answers to interactions go through it, whatever
        becomes of the connections. Raises TimeoutError between two lives."""
        if self._session is None:
            raise TimeoutError("not connected")
        return self._session

    def pack(self, job: Job) -> Any:
        """All that the way back to an interaction takes."""
        return _reply(job).pack()

    def unpack(self, origin: Any) -> Reply:
        """The way back to an interaction that an earlier process was told of."""
        return Reply.unpack(self.session, origin)

    async def run(self) -> None:
        """Connect and serve until that is no use. Raises RefusedError for a token or an application
        that Discord will not have, or for too few connections."""
        token = self.core.settings.discord_token
        if token is None:
            raise RefusedError(say("discord_token"))
        connector = aiohttp.TCPConnector(limit=0)  # the core bounds how many answers there are
        async with aiohttp.ClientSession(
            connector=connector, trace_configs=[self.trace]
        ) as self._session:
            with endpoints(self.core.settings):
                try:
                    await self._serve(token.get_secret_value(), self._session)
                except Exception:
                    await self._let_answers_out()
                    raise
                finally:
                    self._session = None

    def begin(self, job: Job) -> None:
        """Have the core serve a job."""
        self._jobs.add(self.core.service.start(job, self))

    async def acknowledge(self, job: Job) -> None:
        """Show that the bot is thinking; a job whose interaction is lost is not worth writing."""
        await _reply(job).acknowledge(job.reference)
        if _reply(job).lost:
            self.core.service.cancel(job.requester.person)

    async def progress(self, job: Job, draft: Preview) -> None:
        """Show an unfinished answer, or drop it."""
        if (message := draft_message(draft)) is not None:
            await _reply(job).show_draft(message)

    async def finish(self, job: Job, answer: Answer) -> None:
        """Show the answer with its buttons."""
        components, reply = answer_buttons(job, answer.result), _reply(job)
        message = answer_message(answer, components, job.language)
        if reply.card:
            picture = await picture_of(card_of(answer), job.language)
            if picture is not None and await reply.show(message, job.reference, picture):
                return
        await reply.show(message, job.reference)

    async def offer(self, job: Job, endings: Endings) -> None:
        """Show endings with a button for each."""
        components = endings_buttons(job, endings.results)
        await _reply(job).show(endings_message(endings, components, job.language), job.reference)

    async def fail(self, job: Job, notice: str) -> None:
        """Tell the asker, and nobody else, why there is no answer."""
        notice = call_commands(notice, job.language)
        await _reply(job).apologize(escape(notice), job.reference)

    async def _serve(self, token: str, session: aiohttp.ClientSession) -> None:
        """Keep the connections that the settings or Discord want until one is refused for good."""
        while True:
            limits = await ask_limits(session, self.core.settings)
            layout = layout_of(self.core.settings, limits.shards)
            self.connection.spread(layout.numbers, layout.count)
            if layout.sharded:
                numbers = write_ranges(layout.numbers)
                log.info(
                    "shards %s of %d, Discord recommends %d", numbers, layout.count, limits.shards
                )
            starts = Starts(session, self.core.settings, layout, limits, self.connection)
            refusal = await _first_refused(
                Shard(self, token, starts, layout, number) for number in layout.numbers
            )
            grown = isinstance(refusal, TooFewShardsError) and layout.automatic
            if not grown or (await ask_limits(session, self.core.settings)).shards <= layout.count:
                raise refusal
            log.info("the bot has grown: connecting with more shards")
            await asyncio.sleep(SPACING)  # from the session that was refused

    async def _let_answers_out(self) -> None:
        """Interactions outlive the gateway and even the bot's token: finish what was begun."""
        await self._jobs.wait(FAREWELL_SECONDS)


async def _first_refused(shards: Iterable[Shard]) -> RefusedError:
    """Keep all of these, each on its own, until one of them is refused: so would be the others."""
    keeping = [asyncio.create_task(supervise(shard), name=shard.name) for shard in shards]
    try:
        done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


def _counting_limits(limited: Counter[str], name: str) -> aiohttp.TraceConfig:
    """Counts the answers 429 of whatever session is given this."""

    async def note(_: object, __: object, request: aiohttp.TraceRequestEndParams) -> None:
        if request.response.status == HTTPStatus.TOO_MANY_REQUESTS:
            limited[name] += 1

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    return trace


def _reply(job: Job) -> Reply:
    reply: Reply = job.origin
    return reply
