"""What a container of the image must do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.cli import EXIT_CONFIG
from bot.texts import explain
from deploy.proof.dockerfile import Stage
from deploy.proof.places import report
from deploy.proof.root import beside, container
from model.errors import DeviceError
from tests.bot.operating.watching import free_port
from tests.chaos.people import PHRASE, DiscordRequest, TelegramRequest
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

READY_SECONDS = 60.0
STOP_SECONDS = 20.0  # what LITTERAGPT_SHUTDOWN_SECONDS is if nobody says otherwise


class UnmetError(Exception):
    """Something that the image must do and does not; the text says what came instead."""


@dataclass(frozen=True)
class Container:
    """An image, the last stage of its Dockerfile, and where its volume is."""

    root: Path
    stage: Stage
    state: Path

    def command(
        self, command: Sequence[str], user: str | None = None, **settings: str
    ) -> list[str]:
        """What starts a container that runs this command, on its volume as it was left."""
        (inside,) = self.stage.volumes
        if not self.state.exists():  # as an engine fills a new volume
            there = (self.root / inside.lstrip("/")).stat()
            self.state.mkdir()
            self.state.chmod(there.st_mode)
            os.chown(self.state, there.st_uid, there.st_gid)
        return container(
            self.root,
            (self.state, inside),
            command,
            self.stage.environment | settings,
            user or self.stage.user,
            self.stage.folder,
        )

    async def run(
        self, command: Sequence[str], user: str | None = None, **settings: str
    ) -> tuple[int, str, str]:
        """Run a command to its end: exit code, output, errors."""
        return await _run(self.command(command, user, **settings))

    async def litteragpt(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run the image's own program."""
        return await self.run([*self.stage.entrypoint, *arguments], **settings)


async def check_all(image: Container) -> int:
    """See everything, and report it; how much of it is not as it must be."""
    wrong = 0
    for check in (_is_closed, _writes, _ends_with_78, _knows_its_engines, _serves):
        try:
            told = await check(image)
        except (UnmetError, TimeoutError, AssertionError) as error:
            wrong += 1
            told = f"WRONG: {error!r}"
        report((check.__doc__ or "").strip().rstrip("."), told)
    return wrong


async def _is_closed(image: Container) -> str:
    """Who runs it, and where it can write."""
    _, who, _ = await image.run(["id", "-u"])
    expect(who.strip() == image.stage.user.partition(":")[0] != "0", who)
    code, _, errors = await image.run(["touch", "/app/new"], user="root")
    expect(code != 0 and "Read-only" in errors, f"root may write: {code}, {errors}")
    places = [f"{folder}/new" for folder in ("/tmp", *image.stage.volumes)]  # noqa: S108
    code, _, errors = await image.run(["touch", *places])
    expect(code == 0, errors)
    (image.state / "new").unlink()
    return f"uid {who.strip()}; /tmp and {image.stage.volumes[0]} only"


async def _writes(image: Container) -> str:
    """litteragpt escribe."""
    started = time.monotonic()
    code, output, errors = await image.litteragpt("escribe", PHRASE, "--semilla", "14", "--json")
    expect(code == 0, errors)
    answer = json.loads(output)
    expect(len(answer["frases"]) == 2, output)
    seconds = time.monotonic() - started
    return f"{len(answer['frases'])} sentences, engine {answer['motor']}, {seconds:.2f} s in all"


async def _ends_with_78(image: Container) -> str:
    """A setting that cannot work."""
    code, output, errors = await image.litteragpt("bot", LITTERAGPT_THREADS="dos")
    expect((code, output) == (EXIT_CONFIG, ""), f"{code}: {output}{errors}")
    return f"exit code {code}: {errors.strip()}"


async def _knows_its_engines(image: Container) -> str:
    """LITTERAGPT_ENGINE=pytorch."""
    if any(image.root.glob("app/lib/python*/site-packages/torch")):
        code, output, errors = await image.litteragpt(
            "escribe", PHRASE, "--json", LITTERAGPT_ENGINE="pytorch", LITTERAGPT_DEVICE="cpu"
        )
        expect(code == 0, errors)
        return f"written by {json.loads(output)['motor']}"
    code, output, errors = await image.litteragpt("bot", LITTERAGPT_ENGINE="pytorch")
    told = explain(DeviceError("no_torch"))
    expect((code, output, errors.strip()) == (EXIT_CONFIG, "", told), f"{code}: {errors}")
    return f"exit code {code}: {told}"


async def _serves(image: Container) -> str:
    """litteragpt bot, HEALTHCHECK, SIGTERM."""
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        settings = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_BASE": telegram.base,
            "LITTERAGPT_METRICS_PORT": str(free_port()),
        }
        stage = image.stage
        command = image.command([*stage.entrypoint, *stage.command], **settings)
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        log = asyncio.create_task(process.communicate())
        try:
            first = await _first_process(process.pid)
            health = beside(
                first.pid, stage.health, stage.environment | settings, stage.user, stage.folder
            )
            code, _, before = await _run(health)
            expect(code == 1, f"healthy before it began: {code} {before}")
            ready = await _until_healthy(health) - started
            await discord.synced(READY_SECONDS)
            await ask(discord, telegram)
            _, well, _ = await _run(health)
            stopped = time.monotonic()
            first.send_signal(signal.Signals[stage.stop_signal])
            code = await asyncio.wait_for(process.wait(), STOP_SECONDS)
            seconds = time.monotonic() - stopped
        finally:
            if process.returncode is None:
                process.kill()
            _, errors = await log
        expect(code == 0, f"exit code {code}: {errors.decode()[-2000:]}")
        expect("Traceback" not in errors.decode(), errors.decode()[-2000:])
        kept = sorted(each.name for each in image.state.iterdir())
        expect("litteragpt.db" in kept, f"in the volume there is {kept}")
        return (
            f"healthy after {ready:.1f} s ({well.strip()}); an answer on each platform; "
            f"exit code 0 {seconds:.1f} s after {stage.stop_signal}"
        )


async def ask(discord: FakeDiscord, telegram: FakeTelegram) -> None:
    """A person on each platform asks and waits for the answer."""
    user = discord.user("Ana", installed=True)
    asked = await discord.slash(user, discord.dm(user), "escribe", frase=PHRASE)
    await DiscordRequest(asked).end()
    person = telegram.user("Ana")
    message = await telegram.say(person, telegram.private(person), f"/escribe {PHRASE}")
    await TelegramRequest(message, telegram).end()


async def _first_process(outside: int) -> psutil.Process:
    """The container's process 1, once it is the program and not what starts it."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            for each in psutil.Process(outside).children():
                if each.uids().real != 0:
                    return each
            await asyncio.sleep(0.01)


async def _until_healthy(health: Sequence[str]) -> float:
    async with asyncio.timeout(READY_SECONDS):
        while (await _run(health))[0] != 0:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.1)
    return time.monotonic()


async def _run(command: Sequence[str]) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


def expect(condition: bool, instead: str) -> None:
    """Raise UnmetError unless a condition holds."""
    if not condition:
        raise UnmetError(instead)
