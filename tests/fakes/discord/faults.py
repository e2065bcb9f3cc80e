"""Faults of the REST API: each affects the next requests of one kind.

A route is a pattern such as `/webhooks/*/messages/@original`, without the API's base."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.fakes.discord.strictness import Json


@dataclass(eq=False)
class Fault:
    """A fault for `times` requests: a delay, then `status` or a lost connection.

    after_effect: execute the request first, so that only the response is lost."""

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
        """Whether the fault affects this request."""
        right_method = self.method in ("*", method)
        return self.struck < self.times and right_method and fnmatchcase(path, self.route)

    def cancel(self) -> None:
        """Deactivate the fault."""
        self.times = self.struck


class Faults:
    """The active faults. Several for one request combine: all delays, then the first other
    fault."""

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
        """Respond with an error. A 429 without `via` imitates a Cloudflare ban, without JSON."""
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
        """Cut the connection instead of responding."""
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
        """Delay by `seconds`, before execution or between execution and response."""
        return self._add(Fault(method, route, times, wait=seconds, after_effect=after_effect))

    def clear(self) -> None:
        """Deactivate all faults."""
        for fault in self._faults:
            fault.cancel()

    def strike(self, method: str, path: str) -> list[Fault]:
        """The faults for this request; counts it."""
        striking: list[Fault] = []
        for fault in self._faults:
            # Only one fault can determine the response; another waits for the next request.
            if fault.fits(method, path) and not (
                fault.wait == 0.0 and any(other.wait == 0.0 for other in striking)
            ):
                fault.struck += 1
                striking.append(fault)
        if striking:
            self._paths.append(path)
        return striking

    def have_struck(self, beginning: str) -> bool:
        """Whether a request with this path prefix was affected."""
        return any(path.startswith(beginning) for path in self._paths)

    def limit(self, method: str, path: str, seconds: float) -> None:
        """Record that the client must wait."""
        self._limited[method, path] = time.monotonic() + seconds

    def impatience(self, method: str, path: str) -> float:
        """Seconds by which a request precedes the end of a rate limit; 0 if it does not."""
        # A request sent at the same time as the limited one is no offence.
        left = self._limited.get((method, path), 0.0) - time.monotonic()
        return max(left - 0.05, 0.0)

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault


def limit_body(fault: Fault) -> Json:
    """The body of a 429 from Discord itself."""
    return {
        "message": "You are being rate limited.",
        "retry_after": fault.retry_after,
        "global": fault.everywhere,
    }
