"""Faults of the REST side: each strikes the next few requests of one kind.

A route is a pattern as in `/webhooks/*/messages/@original`, without the API's base.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.fakes.discord.strictness import Json


@dataclass(eq=False)
class Fault:
    """What happens to `times` requests: they wait, then get `status` or lose their connection.

    `after_effect` lets the request do its work first, so that only the answer is lost.
    """

    method: str
    route: str
    times: int
    wait: float = 0.0
    status: int | None = None
    reset: bool = False
    retry_after: float = 1.0
    via: bool = True
    everywhere: bool = False
    after_effect: bool = False
    struck: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Whether it strikes this request."""
        right_method = self.method in ("*", method)
        return self.struck < self.times and right_method and fnmatchcase(path, self.route)

    def cancel(self) -> None:
        """Strike no more."""
        self.times = self.struck


class Faults:
    """The faults in force. Those for the same request add up: waits, then the first of the rest."""

    def __init__(self) -> None:
        self.token_revoked = False
        self._faults: list[Fault] = []
        self._paths: list[str] = []
        self._limited: dict[tuple[str, str], float] = {}

    def status(
        self,
        method: str,
        route: str,
        status: int,
        *,
        times: int = 1,
        retry_after: float = 1.0,
        via: bool = True,
        everywhere: bool = False,
        after_effect: bool = False,
    ) -> Fault:
        """Answer with an error. A 429 without `via` is how Cloudflare bans, without JSON."""
        return self._add(
            Fault(
                method,
                route,
                times,
                status=status,
                retry_after=retry_after,
                via=via,
                everywhere=everywhere,
                after_effect=after_effect,
            )
        )

    def reset(
        self, method: str, route: str, *, times: int = 1, after_effect: bool = False
    ) -> Fault:
        """Cut the connection instead of answering."""
        return self._add(Fault(method, route, times, reset=True, after_effect=after_effect))

    def slow(
        self,
        method: str,
        route: str,
        seconds: float,
        *,
        times: int = 1,
        after_effect: bool = False,
    ) -> Fault:
        """Take `seconds` more before the work, or between work and answer."""
        return self._add(Fault(method, route, times, wait=seconds, after_effect=after_effect))

    def clear(self) -> None:
        """Nothing fails any more."""
        for fault in self._faults:
            fault.cancel()

    def strike(self, method: str, path: str) -> list[Fault]:
        """The faults that strike this request, which count it."""
        striking: list[Fault] = []
        for fault in self._faults:
            # Of two answers only the first can be given; the other waits for the next request.
            if fault.fits(method, path) and not (
                fault.wait == 0.0 and any(other.wait == 0.0 for other in striking)
            ):
                fault.struck += 1
                striking.append(fault)
        if striking:
            self._paths.append(path)
        return striking

    def have_struck(self, beginning: str) -> bool:
        """Whether any request whose path begins like this was struck."""
        return any(path.startswith(beginning) for path in self._paths)

    def limit(self, method: str, path: str, seconds: float) -> None:
        """Remember that the client was told to wait."""
        self._limited[method, path] = time.monotonic() + seconds

    def impatience(self, method: str, path: str) -> float:
        """By how many seconds a request comes before the time that a 429 told, or 0."""
        # What is sent at the same time as the refused request is not impatient yet.
        left = self._limited.get((method, path), 0.0) - time.monotonic()
        return max(left - 0.05, 0.0)

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault


def limit_body(fault: Fault) -> Json:
    """The body of a 429 of Discord's own."""
    return {
        "message": "You are being rate limited.",
        "retry_after": fault.retry_after,
        "global": fault.everywhere,
    }
