"""`litteragpt doctor` finds what is wrong with a bot, and says how to mend it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import pytest_asyncio
from telegram import Bot
from telegram.error import Conflict

from bot.cli import EXIT_FAILURE
from bot.ops.doctor import Finding, Grade, examine, machine, writing
from bot.ops.doctor import telegram as doctors_telegram
from bot.ops.doctor.findings import as_lines
from bot.store.sqlite import FILE, UNUSABLE
from bot.texts import say
from tests.bot.operating.watching import GREEN_SECONDS, HOST, RED_SECONDS, Scene, free_port
from tests.bot.programs import as_nobody_special, litteragpt
from tests.chaos.fire import bot_environment
from tests.fakes.conftest import client
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]

DISCORD_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"  # noqa: S105 (of no bot)
SECRET = "clave-de-prueba_0123456789"  # noqa: S105 (of no webhook)
PROBLEM, WARNING = Grade.PROBLEM, Grade.WARNING


@dataclass
class Patient:
    """A set-up with which all is well, to be broken."""

    discord: FakeDiscord
    telegram: FakeTelegram
    folder: Path
    models: Path
    set: Callable[[str, str], None]

    @property
    def state(self) -> Path:
        """Where the store is, made if it was not."""
        folder = self.folder / "state"
        folder.mkdir(exist_ok=True)
        return folder

    def own_models(self) -> Path:
        """A folder of checkpoints of this patient's own."""
        shutil.copytree(self.models, self.folder / "models")
        self.set("LITTERAGPT_CHECKPOINTS_DIR", str(self.folder / "models"))
        return self.folder / "models" / "tiny"

    def deliver_to(self, url: str, port: int) -> None:
        """Use a webhook."""
        self.set("TELEGRAM_WEBHOOK_URL", url)
        self.set("TELEGRAM_WEBHOOK_SECRET", SECRET)
        self.set("TELEGRAM_WEBHOOK_PORT", str(port))


@pytest_asyncio.fixture(loop_scope="package")
async def patient(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Patient]:
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 0)  # but where somebody is there
    async with FakeDiscord() as discord, FakeTelegram() as server:
        ours = bot_environment(checkpoints, tmp_path, discord, server) | {
            "DISCORD_ADMIN_IDS": "1",
            "TELEGRAM_ADMIN_IDS": "1",
            "LITTERAGPT_PERSON_PER_MINUTE": "5",
        }
        for name, value in ours.items():
            monkeypatch.setenv(name, value)
        yield Patient(discord, server, tmp_path, checkpoints, monkeypatch.setenv)
        # To be told that it is not in a server, one has to ask.
        assert [each for each in discord.violations if "Missing Access" not in each] == []


async def test_with_a_good_set_up_there_is_nothing_to_mend(patient: Patient) -> None:
    patient.set("LITTERAGPT_METRICS_PORT", str(free_port()))
    findings = await examine()
    assert [each for each in findings if each.grade is not Grade.GOOD or each.mend] == []
    told = "\n".join(as_lines(findings))
    assert say("doctor_well", warnings=0) in told
    for part in ("python", "motor", "modelo", "disco", "memoria", "discord", "telegram", "reloj"):
        assert f"bien   {part} " in told
    assert not (patient.folder / "state").exists()


def damage_store(patient: Patient) -> None:
    (patient.state / FILE).write_bytes(b"no database at all" * 1000)


def write_newer_store(patient: Patient) -> None:
    with closing(sqlite3.connect(patient.state / FILE)) as database:
        database.execute("CREATE TABLE version (number INTEGER)")
        database.execute("INSERT INTO version VALUES (99)")
        database.commit()


def expose_settings(patient: Patient) -> None:
    file = patient.folder / ".env"
    file.write_text(f"DISCORD_TOKEN={patient.discord.token}\n")
    file.chmod(0o644)


def put_a_file_in_the_way(patient: Patient) -> None:
    (patient.folder / "state").write_text("")


def lose_the_weights(patient: Patient) -> None:
    (patient.own_models() / "model.safetensors").unlink()


def break_the_configuration(patient: Patient) -> None:
    (patient.own_models() / "config.json").write_text("{")


def use_two_webhooks(patient: Patient) -> None:
    patient.deliver_to("https://bot.example:9999/telegram", free_port())


def lead_nowhere(patient: Patient) -> None:
    patient.deliver_to(f"http://{HOST}:{free_port()}/", free_port())


def lead_to_somebody_else(patient: Patient) -> None:
    patient.deliver_to(patient.discord.api_base, free_port())


def start_seldom(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.gateway.starts.end_in(86_400, left=1)


def recommend_shards(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.recommended_shards = 3


def be_in_many_servers(patient: Patient) -> None:
    patient.set("DISCORD_SHARD_COUNT", "2")
    patient.discord.recommended_shards = 6
    patient.discord.portal["approximate_guild_count"] = 5500


def settings(**values: str) -> Callable[[Patient], None]:
    """Break by these settings."""

    def change(patient: Patient) -> None:
        for name, value in values.items():
            patient.set(name, value)

    return change


def portal(**values: object) -> Callable[[Patient], None]:
    """Break by what is set in Discord's developer portal."""
    return lambda patient: patient.discord.portal.update(values)


def father(**values: object) -> Callable[[Patient], None]:
    """Break by what @BotFather has set."""

    def change(patient: Patient) -> None:
        for name, value in values.items():
            setattr(patient.telegram.world.features, name, value)

    return change


BROKEN: dict[str, tuple[Callable[[Patient], object], Grade, str]] = {
    "a setting that is no number": (
        settings(LITTERAGPT_THREADS="dos"),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "a setting that does not exist": (
        settings(LITTERAGPT_THREDS="2"),
        WARNING,
        "Corrija el nombre",
    ),
    "settings that anybody may read": (expose_settings, PROBLEM, "chmod 600"),
    "Telegram's token for Discord": (
        settings(DISCORD_TOKEN="424242:" + "A" * 35),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "Discord's token for Telegram": (
        settings(TELEGRAM_TOKEN=DISCORD_TOKEN),
        PROBLEM,
        ".env.example explica cada ajuste",
    ),
    "limits of a day below those of a minute": (
        settings(LITTERAGPT_PERSON_PER_MINUTE="9", LITTERAGPT_PERSON_PER_DAY="5"),
        WARNING,
        "Suba LITTERAGPT_PERSON_PER_DAY",
    ),
    "limits of a server below a person's": (
        settings(LITTERAGPT_PERSON_PER_MINUTE="9", LITTERAGPT_SERVER_PER_MINUTE="5"),
        WARNING,
        "Suba LITTERAGPT_SERVER_PER_MINUTE",
    ),
    "no limits": (
        settings(LITTERAGPT_PERSON_PER_MINUTE="0"),
        WARNING,
        "Ponga LITTERAGPT_PERSON_PER_MINUTE",
    ),
    "a queue shorter than a batch": (
        settings(LITTERAGPT_QUEUE_LIMIT="4"),
        WARNING,
        "Suba LITTERAGPT_QUEUE_LIMIT",
    ),
    "more threads than cores": (
        settings(LITTERAGPT_THREADS="256"),
        WARNING,
        "Ponga LITTERAGPT_THREADS a 0",
    ),
    "somebody allowed and blocked": (
        settings(
            LITTERAGPT_ALLOWED_USERS="discord:5,discord:6", LITTERAGPT_BLOCKED_USERS="discord:6"
        ),
        WARNING,
        "Quítelo de LITTERAGPT_ALLOWED_USERS",
    ),
    "nobody who administers": (settings(DISCORD_ADMIN_IDS=""), WARNING, "DISCORD_ADMIN_IDS"),
    "phrases in the log": (
        settings(LITTERAGPT_LOG_PHRASES="true"),
        WARNING,
        "LITTERAGPT_LOG_PHRASES a false",
    ),
    "an engine that has no such device": (
        settings(LITTERAGPT_ENGINE="native", LITTERAGPT_DEVICE="cuda"),
        PROBLEM,
        "Cambie LITTERAGPT_ENGINE o LITTERAGPT_DEVICE",
    ),
    "a checkpoint that is not there": (
        settings(LITTERAGPT_CHECKPOINT="nadie"),
        PROBLEM,
        "nombre otro en LITTERAGPT_CHECKPOINT",
    ),
    "a checkpoint without weights": (lose_the_weights, PROBLEM, "Copie de nuevo la carpeta"),
    "a checkpoint that is damaged": (
        break_the_configuration,
        PROBLEM,
        "Copie de nuevo la carpeta",
    ),
    "a file where the store should be": (
        put_a_file_in_the_way,
        PROBLEM,
        "cambie LITTERAGPT_STATE_DIR",
    ),
    "a store that is damaged": (damage_store, PROBLEM, "Recupérela de una copia"),
    "a store of a later version": (write_newer_store, PROBLEM, "Actualice LitteraGPT"),
    "a Discord token that was reset": (
        lambda patient: setattr(patient.discord.faults, "token_revoked", True),
        PROBLEM,
        "Reset Token",
    ),
    "commands that go elsewhere": (
        portal(interactions_endpoint_url="https://example.com/interactions"),
        PROBLEM,
        "Borre Interactions Endpoint URL",
    ),
    "an invitation that cannot work": (
        portal(bot_require_code_grant=True),
        PROBLEM,
        "Apague Requires OAuth2 Code Grant",
    ),
    "no installation in accounts": (
        portal(integration_types_config={"0": {}}),
        WARNING,
        "Marque User Install",
    ),
    "no installation in servers": (
        portal(integration_types_config={"1": {}}),
        WARNING,
        "Marque Guild Install",
    ),
    "an application that is its owner's only": (
        portal(bot_public=False),
        WARNING,
        "marque Public Bot",
    ),
    "privileged intents": (portal(flags=1 << 19), WARNING, "Apáguelas"),
    "no starts left": (
        lambda patient: patient.discord.gateway.starts.end_in(86_400, left=0),
        PROBLEM,
        "Espere 24,0 horas",
    ),
    "hardly any starts left": (
        start_seldom,
        WARNING,
        "No lo reinicie en 24,0 horas",
    ),
    "fewer shards than Discord recommends": (
        recommend_shards,
        WARNING,
        "Suba DISCORD_SHARD_COUNT a 3",
    ),
    "more servers than shards can bring": (
        be_in_many_servers,
        PROBLEM,
        "Suba DISCORD_SHARD_COUNT a 6",
    ),
    "shards that are left to others": (
        settings(DISCORD_SHARD_COUNT="4", DISCORD_SHARD_IDS="0,2"),
        WARNING,
        "otros procesos tienen 1,3 en DISCORD_SHARD_IDS",
    ),
    "a server that the bot is not in": (
        settings(DISCORD_GUILD_IDS="123456"),
        PROBLEM,
        "litteragpt invite",
    ),
    "a Discord that cannot be reached": (
        settings(DISCORD_API_BASE=f"http://{HOST}:9"),
        PROBLEM,
        "Compruebe la red",
    ),
    "a Telegram token that was revoked": (
        lambda patient: patient.telegram.faults.revoke(),
        PROBLEM,
        "/token",
    ),
    "a Telegram that cannot be reached": (
        settings(TELEGRAM_API_BASE=f"http://{HOST}:9"),
        PROBLEM,
        "Compruebe la red",
    ),
    "a Discord that says something strange": (
        portal(name=None, id=None, flags="many"),
        PROBLEM,
        "un proxy en medio",
    ),
    "a Telegram that is not well": (
        lambda patient: patient.telegram.faults.status("getWebhookInfo", 500),
        PROBLEM,
        "espere",
    ),
    "no privacy mode": (father(can_read_all_group_messages=True), WARNING, "/setprivacy"),
    "no inline mode": (father(supports_inline_queries=False), WARNING, "/setinline"),
    "no guest mode": (father(supports_guest_queries=False), WARNING, "Guest Mode"),
    "no groups": (father(can_join_groups=False), WARNING, "/setjoingroups"),
    "a webhook on a port of no use": (use_two_webhooks, PROBLEM, "443, 80, 88 o 8443"),
    "a webhook that leads nowhere": (lead_nowhere, PROBLEM, "Compruebe el nombre"),
    "a webhook that leads to somebody else": (
        lead_to_somebody_else,
        PROBLEM,
        "Haga que el proxy lleve",
    ),
}


def told(findings: list[Finding], grade: Grade, mend: str) -> bool:
    """Whether there is a finding of this grade with this in its mend."""
    return any(each.grade is grade and mend in each.mend for each in findings)


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_broken_is_told_with_its_mend(patient: Patient, name: str) -> None:
    break_it, grade, mend = BROKEN[name]
    before = await examine()
    assert not mend or not told(before, grade, mend)
    break_it(patient)
    findings = await examine()
    assert told(findings, grade, mend), as_lines(findings)
    for each in findings:
        assert each.text.endswith(".")
        assert (each.grade is Grade.GOOD) == (each.mend == "")
        assert patient.discord.token not in each.text + each.mend
        assert patient.telegram.token not in each.text + each.mend


async def test_a_clock_that_is_wrong_is_told_by_how_much(patient: Patient) -> None:
    patient.set("DISCORD_TOKEN", "")
    patient.telegram.advance(-3600)
    (found,) = [each for each in await examine() if each.part == "reloj"]
    assert found.grade is Grade.PROBLEM
    assert "36" in found.text
    assert "set-ntp" in found.mend


async def test_a_store_that_was_set_aside_is_told(patient: Patient) -> None:
    write_newer_store(patient)
    aside = patient.state / f"{FILE}{UNUSABLE}1"
    aside.touch()
    assert any(str(aside) in each.text and "bórrela" in each.mend for each in await examine())


async def test_a_port_in_use_is_told(patient: Patient) -> None:
    with socket.create_server((HOST, 0)) as other:
        patient.set("LITTERAGPT_METRICS_PORT", str(other.getsockname()[1]))
        assert told(await examine(), PROBLEM, "Cierre el programa que lo ocupa")
        patient.set("LITTERAGPT_METRICS_PORT", "0")
        patient.deliver_to("https://bot.example/telegram", other.getsockname()[1])
        assert told(await examine(), PROBLEM, "Cierre el programa que lo ocupa")


async def test_a_webhook_that_leads_here_is_well(patient: Patient) -> None:
    port = free_port()
    patient.deliver_to(f"http://{HOST}:{port}/telegram", port)
    findings = await examine()
    assert any(each.text == say("doctor_webhook") for each in findings)
    assert told(findings, WARNING, say("doctor_webhook_unset_mend"))


async def test_messages_that_are_delivered_elsewhere_are_told(patient: Patient) -> None:
    async with client(patient.telegram) as other:
        await other.set_webhook(f"http://{HOST}:{free_port()}/")
        assert told(await examine(), PROBLEM, "Apague ese programa")


@asynccontextmanager
async def another_program(server: FakeTelegram) -> AsyncIterator[list[int]]:
    """A program that polls with the bot's token as libraries do; the updates that it was given."""
    taken: list[int] = []

    async def poll(other: Bot) -> None:
        offset = 0
        while True:
            try:
                updates = await other.get_updates(offset, timeout=10, read_timeout=15)
            except Conflict:
                await asyncio.sleep(0.5)
                continue
            taken.extend(update.update_id for update in updates)
            offset = max([offset, *(update.update_id + 1 for update in updates)])

    async with client(server) as other:
        polling = asyncio.create_task(poll(other))
        await server.connected()
        try:
            yield taken
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


async def test_another_program_with_the_same_token_is_told_and_loses_nothing(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 20)
    server = patient.telegram
    ana = server.user("Ana")
    async with another_program(server) as taken:
        examination = asyncio.create_task(examine())
        said = [await server.say(ana, server.private(ana), f"número {n}") for n in range(5)]
        assert told(await examination, PROBLEM, "pida una clave nueva con /revoke")
        said.append(await server.say(ana, server.private(ana), "y otra"))
        wanted = [message.update_id for message in said]
        await server.world.changes.until(lambda: taken == wanted or None, 30, "all updates")


async def test_updates_that_wait_for_the_bot_are_left_for_it(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctors_telegram, "WATCH_SECONDS", 1)
    server = patient.telegram
    async with client(server) as before:
        await before.get_updates(allowed_updates=["message"])
    ana = server.user("Ana")
    message = await server.say(ana, server.private(ana), "Hola")
    findings = await examine()
    assert any(each.text == say("doctor_telegram_alone") for each in findings)
    assert [update.id for update in server.updates.pending()] == [message.update_id]
    assert server.updates.allowed == {"message"}


async def test_a_bot_that_runs_is_recognised_and_not_disturbed(
    watched: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watched.environment.items():
        monkeypatch.setenv(name, value)
    conflicts = len([call for call in watched.telegram.calls if call.status == 409])
    findings = await examine()
    texts = [each.text for each in findings]
    assert say("doctor_telegram_undisturbed", pid=watched.bot.pid) in texts
    assert say("doctor_running_well", parts="worker, discord, telegram") in texts
    assert [each for each in findings if each.grade is Grade.PROBLEM] == []
    assert len([call for call in watched.telegram.calls if call.status == 409]) == conflicts
    assert (await watched.watcher.report("readyz"))[0] == 200


async def test_a_bot_that_runs_and_is_not_well_is_told(
    watched: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watched.environment.items():
        monkeypatch.setenv(name, value)
    await watched.discord.refuse_connections(600)
    try:
        await watched.watcher.until("readyz", 503, RED_SECONDS)
        assert told(await examine(), PROBLEM, "Mire en su registro")
    finally:
        await watched.discord.accept_connections()
    await watched.watcher.until("readyz", 200, GREEN_SECONDS)


async def test_a_folder_without_permission_is_told(patient: Patient) -> None:
    patient.set("TELEGRAM_TOKEN", "")
    folder = patient.state
    folder.chmod(0o500)
    done = await asyncio.to_thread(run_doctor, "--json")
    folder.chmod(0o700)
    found = json.loads(done.stdout)
    assert (done.returncode, found["bien"]) == (EXIT_FAILURE, False)
    (wrong,) = [each for each in found["comprobaciones"] if each["estado"] == "mal"]
    assert wrong["parte"] == "memoria"
    assert wrong["remedio"] == say("doctor_store_forbidden_mend")


async def test_the_command_tells_people_and_programs(patient: Patient) -> None:
    patient.set("TELEGRAM_TOKEN", "")
    done = await asyncio.to_thread(run_doctor)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert lines[-1] == say("doctor_well", warnings=0)
    done = await asyncio.to_thread(run_doctor, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["bien"]) == (0, True)
    assert found["version"] == version("litteragpt")
    assert {each["estado"] for each in found["comprobaciones"]} == {"bien"}
    patient.set("LITTERAGPT_THREADS", "dos")
    done = await asyncio.to_thread(run_doctor)
    assert done.returncode == EXIT_FAILURE
    assert say("doctor_mend", mend=say("doctor_setting_mend")) in done.stdout.decode()


def run_doctor(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in this environment."""
    return litteragpt("doctor", *arguments, settings=os.environ, prepare=as_nobody_special)


async def test_on_a_gpu_it_is_told_which_way_was_taken() -> None:
    values = {"name": "small", "id": "abc", "speed": 20_000.0}
    best = writing.on_gpu("kernels-graphs", 2, values)
    assert (best.grade, best.mend) == (Grade.GOOD, "")
    assert "20000" in best.text
    assert "grafos CUDA" in best.text
    worse = writing.on_gpu("pytorch", 2, values)
    assert worse.grade == Grade.WARNING
    assert "pytorch" in worse.text
    assert "Triton" in worse.mend


async def test_libraries_that_are_missing_or_of_another_version_are_told() -> None:
    missing, old = machine.libraries(["no-such-library>=1", "numpy<1", "aiohttp>=3"])
    assert "pip install 'no-such-library'" in missing.mend
    assert "pip install 'numpy<1'" in old.mend
    assert machine.libraries(["nothing ; extra == 'never'"])[0].grade is Grade.GOOD
