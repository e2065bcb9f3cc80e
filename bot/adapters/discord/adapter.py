"""Discord as a platform: its life under supervision and the five verbs for a job."""

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
from bot.adapters.discord.identify_limiter import SPACING, IdentifyLimiter
from bot.adapters.discord.interactions import Host
from bot.adapters.discord.localization import call_commands
from bot.adapters.discord.markdown import escape
from bot.adapters.discord.messages import answer_message, endings_message, preview_message
from bot.adapters.discord.shard import Shard, TooFewShardsError
from bot.adapters.discord.sharding import ask_limits, assign_shards
from bot.adapters.discord.wire import TOKEN_SECONDS
from bot.card import card_of
from bot.context import Core
from bot.net.tasks import TaskSet
from bot.requests.endings import Endings
from bot.requests.job import Answer, Job, Preview
from bot.requests.platform import SELDOM, RefusedError
from bot.service.supervision import supervise
from bot.texts import say
from bot.texts.number_ranges import write_ranges

log = logging.getLogger(__name__)

# How long the next life waits for running answers, which outlive a refused connection.
FAREWELL_SECONDS = 30.0


class Discord:
    """The platform Discord; a job's origin is the `Reply` to its interaction."""

    name = "discord"
    # Discord would show that the application did not respond.
    may_stay_silent = False
    patience = TOKEN_SECONDS
    pace = SELDOM

    def __init__(self, core: Core) -> None:
        self.connection = core.connections[self.name]
        self._settings, self._service = core.settings, core.service
        self._jobs = TaskSet()
        self._session: aiohttp.ClientSession | None = None
        self._host = Host(
            settings=core.settings,
            service=core.service,
            store=core.store,
            admin=core.admin,
            commands=core.commands,
            connection=self.connection,
            platform=self,
            begin=self.begin,
            session=self.session,
            styles=lambda: core.executor.serving.styles,
            trace=_counting_limits(core.service.stats.rate_limited, self.name),
        )

    def session(self) -> aiohttp.ClientSession:
        """The HTTP session for answers, which outlives gateway connections. Raises TimeoutError
        between two lives."""
        if self._session is None:
            raise TimeoutError("not connected")
        return self._session

    def pack(self, job: Job) -> Any:
        """The address of the interaction, as JSON."""
        return _reply(job).pack()

    def unpack(self, origin: Any) -> Reply:
        """The reply to an interaction that an earlier process received."""
        return Reply.unpack(self.session, origin)

    async def run(self) -> None:
        """Connect and serve. Raises RefusedError for a token or an application that Discord does
        not accept, and for too few shards."""
        token = self._settings.discord_token
        if token is None:
            raise RefusedError(say("discord_token"))
        connector = aiohttp.TCPConnector(limit=0)  # the service limits the number of answers
        async with aiohttp.ClientSession(
            connector=connector, trace_configs=[self._host.trace]
        ) as self._session:
            with endpoints(self._settings):
                try:
                    await self._serve(token.get_secret_value(), self._session)
                except Exception:
                    await self._let_answers_out()
                    raise
                finally:
                    self._session = None

    def begin(self, job: Job) -> None:
        """Start a job."""
        self._jobs.add(self._service.start(job, self))

    async def acknowledge(self, job: Job) -> None:
        """Show that the bot is thinking; cancel a job whose interaction has expired."""
        await _reply(job).acknowledge(job.reference)
        if _reply(job).lost:
            self._service.cancel(job.requester.person)

    async def progress(self, job: Job, draft: Preview) -> None:
        """Show a preview, or drop it."""
        if (message := preview_message(draft)) is not None:
            await _reply(job).show_preview(message)

    async def finish(self, job: Job, answer: Answer) -> None:
        """Show the answer with its buttons."""
        components, reply = answer_buttons(job, answer.result), _reply(job)
        message = answer_message(answer, components, job.language)
        if reply.card:
            picture = await picture_of(card_of(answer), job.requester, self._service.cards)
            if picture is not None and await reply.show(message, job.reference, picture):
                return
        await reply.show(message, job.reference)

    async def offer(self, job: Job, endings: Endings) -> None:
        """Show endings with a button for each."""
        components = endings_buttons(job, endings.results)
        await _reply(job).show(endings_message(endings, components, job.language), job.reference)

    async def fail(self, job: Job, notice: str) -> None:
        """Show the requester alone why there is no answer."""
        notice = call_commands(notice, job.language)
        await _reply(job).apologize(escape(notice), job.reference)

    async def _serve(self, token: str, session: aiohttp.ClientSession) -> None:
        """Keep the configured or recommended shards connected until one is refused for good."""
        while True:
            limits = await ask_limits(session, self._settings)
            assignment = assign_shards(self._settings, limits.shards)
            self.connection.spread(assignment.numbers, assignment.count)
            if assignment.sharded:
                log.info(
                    "shards %s of %d, Discord recommends %d",
                    write_ranges(assignment.numbers),
                    assignment.count,
                    limits.shards,
                )
            limiter = IdentifyLimiter(session, self._settings, assignment, limits, self.connection)
            refusal = await _first_refused(
                Shard(self._host, token, limiter, assignment, number)
                for number in assignment.numbers
            )
            if not isinstance(refusal, TooFewShardsError) or not assignment.automatic:
                raise refusal
            if (await ask_limits(session, self._settings)).shards <= assignment.count:
                raise refusal
            log.info("the bot has grown: connecting with more shards")
            await asyncio.sleep(SPACING)  # after the refused session

    async def _let_answers_out(self) -> None:
        """Let running jobs finish: interactions outlive the gateway and even the bot's token."""
        await self._jobs.wait(FAREWELL_SECONDS)


async def _first_refused(shards: Iterable[Shard]) -> RefusedError:
    """Supervise all shards until one is refused for good; the others would be refused as well."""
    keeping = [asyncio.create_task(supervise(shard), name=shard.name) for shard in shards]
    try:
        done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)


def _counting_limits(limited: Counter[str], name: str) -> aiohttp.TraceConfig:
    """A trace that counts responses with status 429."""

    async def note(_: object, __: object, request: aiohttp.TraceRequestEndParams) -> None:
        if request.response.status == HTTPStatus.TOO_MANY_REQUESTS:
            limited[name] += 1

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    return trace


def _reply(job: Job) -> Reply:
    reply: Reply = job.origin
    return reply
