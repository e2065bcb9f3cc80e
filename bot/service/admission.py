"""Admission: which requests are accepted, and the sentence for those that are not."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

from bot.card import MOST_CHARACTERS, Card
from bot.executor.generation import QueueFullError
from bot.net.tasks import TaskSet
from bot.requests.access import Access
from bot.requests.job import Job, Outcome, Requester
from bot.requests.limits import Excess, Limits
from bot.service.cards import CardQueue
from bot.service.errors import sentence
from bot.store import Store
from bot.texts import say
from bot.texts.formatting import duration
from model.errors import LitteraError
from model.text.prompt import check_phrase

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """Why a job is not accepted."""

    outcome: Outcome
    notice: str
    silent: bool = False  # the person has been told before


class Admission:
    """Access lists, limits, strikes, and the switches of the whole bot.

    queue_limit: unfinished jobs of all people. phrase_limit: characters. tasks: runs writes to the
    store that no request waits for. cards: the queue that refused cards do not join.
    """

    def __init__(
        self,
        limits: Limits,
        access: Access,
        store: Store,
        tasks: TaskSet,
        cards: CardQueue,
        *,
        queue_limit: int,
        phrase_limit: int,
    ) -> None:
        self.paused = self.closing = False
        self._limits, self._access, self._store, self._tasks = limits, access, store, tasks
        self._cards = cards
        self._queue_limit, self._phrase_limit = queue_limit, phrase_limit

    def refuse(self, job: Job, running: Collection[str]) -> Refusal | None:
        """Decide on a job without waiting; an accepted one is counted.

        running: the people with an unfinished job.
        """
        requester, language = job.requester, job.language
        person, server = requester.person, requester.server
        if (refusal := self._refuse_person(requester)) is not None:
            return refusal
        try:
            check_phrase(job.phrase, self._phrase_limit)
        except LitteraError as error:
            return self._strike(job, Outcome.BAD_PHRASE, sentence(error, language))
        if person in running:
            return self._strike(job, Outcome.BUSY, say("busy", language))
        if not requester.exempt and (excess := self._limits.excess(person, server)) is not None:
            return self.refuse_excess(job, excess)
        if len(running) >= self._queue_limit:
            full = QueueFullError(self._queue_limit)
            return Refusal(Outcome.QUEUE_FULL, sentence(full, language))
        if not requester.exempt:
            self._limits.count(person, server)
        return None

    def refuse_excess(self, job: Job, excess: Excess) -> Refusal:
        """The refusal for an exceeded limit."""
        wait = duration(excess.wait)
        notice = say(excess.kind, job.language, limit=excess.limit, wait=wait)
        outcome = Outcome.BUSY if excess.kind == "busy" else Outcome.OVER_LIMIT
        return self._strike(job, outcome, notice)

    def refuse_card(self, requester: Requester, card: Card) -> str | None:
        """Count a card, or return the notice why it is not rendered."""
        person, cards, language = requester.person, self._limits.cards, requester.language
        if (refusal := self._refuse_person(requester)) is not None:
            return refusal.notice
        if (length := len(card.alternative())) > MOST_CHARACTERS:
            return say("card_long", language, length=length, limit=MOST_CHARACTERS)
        if self._cards.full(requester):
            return say("cards_full", language)
        if requester.exempt:
            return None
        if (wait := cards.wait(person)) > 0:
            return say("card_minute", language, limit=cards.limit, wait=duration(wait))
        cards.count(person)
        self._store.coordinator.publish("card", person)
        return None

    def _refuse_person(self, requester: Requester) -> Refusal | None:
        """Refuse any request of this person."""
        person, language = requester.person, requester.language
        if not self._access.allows(person, requester.server):
            return Refusal(Outcome.NOT_ALLOWED, say("not_allowed", language))
        if (wait := self._limits.blocked(person)) > 0:
            notice = say("flooding", language, wait=duration(wait))
            return Refusal(Outcome.BLOCKED, notice, silent=True)
        if self.closing:
            return Refusal(Outcome.CLOSING, say("closing", language))
        if self.paused:
            return Refusal(Outcome.PAUSED, say("paused", language))
        return None

    def _strike(self, job: Job, outcome: Outcome, notice: str) -> Refusal:
        """Refuse a job that counts towards a block of its requester."""
        person = job.requester.person
        if job.implicit or job.requester.exempt:
            return Refusal(outcome, notice)
        if (block := self._limits.strike(person)) > 0:
            log.warning("%s floods and is not answered for %s", person, duration(block))
            self._tasks.start(self._store.block(person, block), f"block {person}")
            notice = say("flooding", job.language, wait=duration(block))
        else:
            self._store.coordinator.publish("strike", person)
        return Refusal(outcome, notice)
