"""Faults between the bot and Discord, and the recovery from them."""

from __future__ import annotations

import asyncio

import pytest

from bot.texts import say
from tests.bot.adapters.discord.houses import PHRASE, House
from tests.bot.adapters.discord.reading import seen, told
from tests.fakes.discord.faults import Faults

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

EDIT = ("PATCH", "/webhooks/*/messages/@original")
CALLBACK = ("POST", "/interactions/*/callback")


def edit_unavailable(faults: Faults) -> None:
    faults.status(*EDIT, 503, times=2)


def edit_limited(faults: Faults) -> None:
    faults.status(*EDIT, 429, times=2, retry_after=0.4)


def edit_limited_by_a_proxy(faults: Faults) -> None:
    faults.status(*EDIT, 429, retry_after=1, via=False)


def edit_reset(faults: Faults) -> None:
    faults.reset(*EDIT, times=2)


def edit_reset_after_it_was_done(faults: Faults) -> None:
    faults.reset(*EDIT, after_effect=True)


def edit_slow(faults: Faults) -> None:
    faults.slow(*EDIT, 1.0)


def everything_at_once(faults: Faults) -> None:
    faults.slow(*EDIT, 0.2, times=4)
    faults.status(*EDIT, 502)
    faults.reset(*EDIT)
    faults.status(*EDIT, 429, retry_after=0.3)


@pytest.mark.parametrize(
    "fault",
    [
        edit_unavailable,
        edit_limited,
        edit_limited_by_a_proxy,
        edit_reset,
        edit_reset_after_it_was_done,
        edit_slow,
        everything_at_once,
    ],
    ids=lambda fault: fault.__name__,
)
async def test_answer_is_delivered_despite_errors(home: House, fault: object) -> None:
    fault(home.discord.faults)  # type: ignore[operator]
    message = await home.ask(home.person())
    assert seen(message).phrase == PHRASE
    assert list(message.buttons) == ["Continuar", "Otra vez", "Tres finales", "Tarjeta", "Borrar"]


async def test_answer_to_deleted_message_is_a_new_message(
    home: House,
) -> None:
    ana = home.person()
    home.discord.faults.status(*EDIT, 503)  # the answer arrives after the deletion
    asked = await home.discord.slash(ana, home.channel, "escribe", frase=PHRASE)
    await asked.acknowledged()
    assert asked.original is not None
    asked.original.delete()
    message = await home.outcome(asked, 10)
    assert message is asked.followups[0]
    assert seen(message).phrase == PHRASE
    assert seen(await home.press(ana, message, "Otra vez")).phrase == PHRASE


async def test_undeliverable_answer_logs_one_line(home: House) -> None:
    ana = home.person()
    home.discord.faults.status(*EDIT, 503)
    asked = await home.discord.slash(ana, home.channel, "escribe", frase=PHRASE)
    await asked.acknowledged()
    asked.expire()
    await home.logged("cannot be delivered (status 401, code 50027)")
    assert home.log.count("cannot be delivered (status 401, code 50027)") == 1
    home.discord.violations.clear()  # for the token that this test invalidates
    assert seen(await home.ask(ana)).phrase == PHRASE


@pytest.mark.parametrize("after_effect", [False, True])
async def test_acknowledgement_survives_dropped_connection(home: House, after_effect: bool) -> None:
    home.discord.faults.reset(*CALLBACK, after_effect=after_effect)
    assert seen(await home.ask(home.person())).phrase == PHRASE
    repeated = [told for told in home.discord.violations if "40060" in told]
    # The bot cannot know whether the first arrived; Discord tolerates a second.
    assert len(repeated) == after_effect
    home.discord.violations.clear()


async def test_acknowledgement_survives_server_error(home: House) -> None:
    home.discord.faults.status(*CALLBACK, 502)
    asked = await home.discord.slash(home.person(), home.channel, "escribe", frase=PHRASE)
    assert seen(await home.outcome(asked, 10)).phrase == PHRASE


async def test_notice_survives_dropped_connection(home: House) -> None:
    home.discord.faults.reset(*CALLBACK)
    assert await home.use(home.person(), "cancelar") == say("nothing_to_cancel")


async def test_lost_interaction_affects_no_other(home: House) -> None:
    ana = home.person()
    home.discord.faults.slow(*CALLBACK, 3.2)
    asked = await home.discord.slash(ana, home.channel, "escribe", frase=PHRASE)
    await home.discord.changes.until(lambda: asked.lapsed, 5, lambda: "still waiting")
    home.discord.faults.clear()
    await asyncio.sleep(0.5)
    home.discord.violations.clear()  # for being too late
    assert seen(await home.ask(ana)).phrase == PHRASE


async def test_dropped_gateway_is_resumed(home: House) -> None:
    discord, before = home.discord, home.discord.gateway.resumed
    discord.gateway.drop()
    await discord.disconnected(5)
    asked = await discord.slash(home.person(), home.channel, "escribe", frase=PHRASE)
    assert seen(await home.outcome(asked, 20)).phrase == PHRASE
    assert discord.gateway.resumed == before + 1


@pytest.mark.parametrize("code", [1000, 1001, 4000, 4009])
async def test_closed_gateway_is_reconnected(home: House, code: int) -> None:
    discord = home.discord
    await discord.gateway.close(code)
    await discord.disconnected(5)
    await discord.ready(20)
    assert seen(await home.ask(home.person())).phrase == PHRASE


async def test_reconnect_opcode_is_followed(home: House) -> None:
    discord, before = home.discord, home.discord.gateway.resumed
    discord.gateway.ask_to_reconnect()
    await discord.resumed(20, times=before + 1)
    assert seen(await home.ask(home.person())).phrase == PHRASE


@pytest.mark.parametrize("resumable", [True, False])
async def test_invalid_session_is_resumed_or_replaced(home: House, resumable: bool) -> None:
    discord = home.discord
    identified, resumed = len(discord.gateway.identified), discord.gateway.resumed
    discord.gateway.invalidate(resumable=resumable)
    await discord.changes.until(
        lambda: (
            discord.gateway.resumed > resumed
            if resumable
            else len(discord.gateway.identified) > identified
        ),
        30,
        lambda: "not back",
    )
    assert seen(await home.ask(home.person())).phrase == PHRASE


async def test_running_answer_survives_loss_of_all_connections(home: House) -> None:
    discord, gateway = home.discord, home.discord.gateway
    connected = gateway.resumed + len(gateway.identified)
    slow = discord.faults.slow("PATCH", "/webhooks/*/messages/@original", 10)
    asked = await discord.slash(home.person(), home.channel, "escribe", frase=PHRASE, frases=5)
    await asked.acknowledged()
    await asyncio.sleep(1.0)
    assert slow.struck, "no answer is on its way"
    await discord.refuse_connections(1.0)
    assert seen(await home.outcome(asked, 20)).phrase == PHRASE
    await discord.changes.until(
        lambda: gateway.resumed + len(gateway.identified) > connected, 30, lambda: "not back"
    )


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        "text",
        {"type": 2},
        {"id": "x", "type": 2, "token": "t", "version": 1, "application_id": "1"},
        {"data": {"name": "escribe"}},
    ],
    ids=str,
)
async def test_malformed_event_is_skipped(home: House, data: object) -> None:
    identified, resumed = len(home.discord.gateway.identified), home.discord.gateway.resumed
    for event in ("INTERACTION_CREATE", "GUILD_CREATE", "MESSAGE_CREATE", "UNHEARD_OF"):
        await home.discord.malformed_event(event, data)
    assert seen(await home.ask(home.person())).phrase == PHRASE
    assert len(home.discord.gateway.identified) == identified
    assert home.discord.gateway.resumed == resumed


async def test_outdated_command_is_explained(home: House) -> None:
    ana = home.person()
    bodies = [command.body for command in home.discord.registry.of(None)]
    home.discord.registry.overwrite([*bodies, {"name": "antigua", "description": "Ya no"}], None)
    asked = await home.discord.slash(ana, home.channel, "antigua")
    assert told(await home.answer(asked)) == say("stale_command")


async def test_faults_log_no_tracebacks(home: House) -> None:
    assert "Traceback" not in home.log


@pytest.mark.parametrize("missing", ["data", "user", "member", "locale", "channel", "message"])
async def test_incomplete_interaction_is_skipped(home: House, missing: str) -> None:
    ana = home.person()
    message = await home.ask(ana)
    pressed = await home.discord.press(ana, message, "Otra vez")
    payload = pressed.payload(home.discord.bot)
    await home.outcome(pressed, 10)
    payload.pop(missing, None)
    payload |= {"id": str(int(payload["id"]) + 1), "token": "none"}
    await home.discord.malformed_event("INTERACTION_CREATE", payload)
    payload |= {"type": 2, "data": {"id": "1", "name": "nadie", "type": 1}}
    await home.discord.malformed_event("INTERACTION_CREATE", payload)
    assert seen(await home.ask(home.person())).phrase == PHRASE
    home.discord.violations.clear()  # for answers to unknown interactions
