"""Flood limits as documented by Telegram: about one message a second in a chat with short bursts,
twenty a minute in a group, thirty a second in total.

Messages and edits count for the chat; drafts, chat actions and answers to queries count only for
the total. After a violation *every* request to that chat, chat actions included, is refused for
`retry_after` seconds. The real server's choice of `retry_after` is not published; here it is the
time until the request would be admitted, rounded up, and at least `penalty` seconds."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from tests.fakes.telegram.chats import Chat

MESSAGES = {"sendmessage", "sendphoto", "editmessagetext", "editmessagereplymarkup"}
OTHERS = {"sendmessagedraft", "sendchataction", "answerinlinequery", "answerguestquery"}


@dataclass
class FloodLimits:
    """Counts requests. `burst` messages may come at once in a chat, then one every second."""

    enabled: bool = True
    burst: int = 3
    per_second: float = 1.0
    group_per_minute: int = 20
    overall_per_second: int = 30
    penalty: int = 1
    _allowance: dict[int, tuple[float, float]] = field(default_factory=dict)
    _in_group: dict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _overall: deque[float] = field(default_factory=deque)
    _limited: dict[int, float] = field(default_factory=dict)  # end of the penalty by chat (0: all)

    def admit(self, method: str, chat: Chat | None, now: float) -> int:
        """Count a request; 0 or its retry_after in seconds."""
        if not self.enabled or method not in MESSAGES | OTHERS:
            return 0
        number = chat.id if chat else 0
        until = max(self._limited.get(number, 0.0), self._limited.get(0, 0.0))
        if now < until:
            return max(math.ceil(until - now), 1)
        wait = self._overall_wait(now)
        if wait:
            return self._limit(0, wait, now)
        if chat is not None and method in MESSAGES:
            wait = max(self._chat_wait(chat.id, now), self._group_wait(chat, now))
            if wait:
                return self._limit(chat.id, wait, now)
            self._count(chat, now)
        self._overall.append(now)
        return 0

    def limit(self, chat: Chat, seconds: float, now: float) -> None:
        """Penalize a chat, as after a flood."""
        self._limited[chat.id] = now + seconds

    def _limit(self, number: int, wait: float, now: float) -> int:
        seconds = max(math.ceil(wait), self.penalty)
        self._limited[number] = now + seconds
        return seconds

    def _overall_wait(self, now: float) -> float:
        _forget(self._overall, now - 1.0)
        return self._overall[0] + 1.0 - now if len(self._overall) >= self.overall_per_second else 0

    def _chat_wait(self, number: int, now: float) -> float:
        left = self._left(number, now)
        return 0 if left >= 1 else (1 - left) / self.per_second

    def _group_wait(self, chat: Chat, now: float) -> float:
        if not chat.is_group:
            return 0
        _forget(self._in_group[chat.id], now - 60.0)
        times = self._in_group[chat.id]
        return times[0] + 60.0 - now if len(times) >= self.group_per_minute else 0

    def _left(self, number: int, now: float) -> float:
        left, at = self._allowance.get(number, (float(self.burst), now))
        return min(float(self.burst), left + (now - at) * self.per_second)

    def _count(self, chat: Chat, now: float) -> None:
        self._allowance[chat.id] = (self._left(chat.id, now) - 1, now)
        if chat.is_group:
            self._in_group[chat.id].append(now)


def _forget(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
