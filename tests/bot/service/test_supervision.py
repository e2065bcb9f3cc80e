"""Supervision: retries, backoff and refusals."""

from __future__ import annotations

import asyncio

import pytest

from bot.app import LostTaskError, raise_if_failed
from bot.requests.platform import RefusedError
from bot.service import supervision
from bot.service.supervision import supervise


class Trouble:
    """A platform that fails with these errors, one per run, and then serves until cancelled."""

    name, connected, may_stay_silent = "trouble", False, True

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.runs = 0
        self.serving = asyncio.Event()

    async def run(self) -> None:
        self.runs += 1
        if self.ends:
            if (end := self.ends.pop(0)) is not None:
                raise end
            return
        self.serving.set()
        await asyncio.Event().wait()

    async def acknowledge(self, *_: object) -> None: ...

    progress = finish = offer = fail = acknowledge


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_DELAY", 0.001)


async def test_failures_are_retried_and_logged_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nested = ExceptionGroup("many", [OSError("no\nroute")])
    platform = Trouble(ConnectionResetError(), nested, None)
    task = asyncio.create_task(supervise(platform))
    await platform.serving.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert platform.runs == 4
    assert [record.getMessage().split("; next")[0] for record in caplog.records] == [
        "trouble is down (ConnectionResetError)",
        "trouble is down (OSError: no route)",
        "trouble is down (the connection ended)",
    ]


async def test_refusal_is_final(caplog: pytest.LogCaptureFixture) -> None:
    platform = Trouble(OSError(), RefusedError("La clave no vale."))
    assert str(await supervise(platform)) == "La clave no vale."
    assert platform.runs == 2
    assert "trouble is not served: La clave no vale." in caplog.text


async def test_backoff_doubles_to_its_maximum(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_DELAY", 1.0)
    monkeypatch.setattr(supervision, "LONGEST_DELAY", 8.0)
    monkeypatch.setattr("bot.net.backoff.random.uniform", lambda *_: 0.0)  # no time passes
    platform = Trouble(*[OSError() for _ in range(6)])
    task = asyncio.create_task(supervise(platform))
    await platform.serving.wait()
    task.cancel()
    delays = [record.args[2] for record in caplog.records if isinstance(record.args, tuple)]
    assert delays == [1, 2, 4, 8, 8, 8]


async def test_failed_essential_task_ends_the_bot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def failing() -> None:
        raise ZeroDivisionError("by a bug")

    task = asyncio.create_task(failing(), name="worker keeper")
    await asyncio.wait([task])
    with pytest.raises(LostTaskError, match="worker keeper failed; the log says why"):
        raise_if_failed(task)
    assert "worker keeper failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text  # with its message or its traceback

    ended = asyncio.create_task(asyncio.sleep(0), name="takeover")
    await ended
    raise_if_failed(ended)  # a task that ends is no failure
