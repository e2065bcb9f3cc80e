"""Malformed events, settings and checkpoint folders do no harm."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.settings.env_file import environment_names, load_settings
from bot.settings.names import SettingsError
from model.checkpoint.filenames import CONFIG, METRICS, TOKENIZER, WEIGHTS
from model.errors import CheckpointError
from model.runtime import choose_runtime
from tests.bot.outside.mutations import mutations
from tests.bot.outside.stage import PHRASE, Stage
from tests.conftest import save_tiny

COUNT = 150
Update = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def _message(chat: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    place = {"message_id": 99, "date": 1_700_000_000, "chat": chat}
    return place | {"from": user, "text": f"/escribe {PHRASE}", "reply_to_message": place}


def _press(chat: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    shown = _message(chat, user) | {"entities": [{"type": "bold", "offset": 0, "length": 9}]}
    asked = {"id": "1", "from": user, "chat_instance": "1", "data": "c.1.1.2080.c7d1."}
    return asked | {"message": shown}


UPDATES: dict[str, Update] = {
    "message": _message,
    "edited_message": _message,
    "callback_query": _press,
    "inline_query": lambda _, user: {"id": "1", "from": user, "query": PHRASE, "offset": ""},
    "guest_message": lambda chat, user: _message(chat, user) | {"guest_query_id": "1"},
    "my_chat_member": lambda chat, user: {
        "chat": chat,
        "from": user,
        "date": 1,
        "old_chat_member": {"user": user, "status": "member"},
        "new_chat_member": {"user": user, "status": "left"},
    },
}


@pytest.mark.timeout(120)
@pytest.mark.asyncio(loop_scope="package")
@pytest.mark.parametrize("kind", UPDATES)
async def test_malformed_updates(stage: Stage, kind: str) -> None:
    telegram = stage.telegram
    user = telegram.user("Rara")
    right = UPDATES[kind](telegram.private(user).to_api(), user.to_api())
    for wrong in mutations(right, COUNT, seed=len(kind)):
        last = telegram.malformed_update({kind: wrong})
    await telegram.took(last, 60)
    await stage.serves_others()
    telegram.violations.clear()  # answers to invented messages


@pytest.mark.timeout(120)
@pytest.mark.asyncio(loop_scope="package")
@pytest.mark.parametrize("kind", ["slash", "menu", "press", "autocomplete"])
async def test_malformed_interactions(stage: Stage, kind: str) -> None:
    discord, guild = stage.discord, stage.channel.guild
    assert guild is not None
    user = guild.join(discord.user("Rara"))
    place = discord.dm(user)
    asked = await discord.slash(user, place, "escribe", frase=PHRASE)
    message = await asked.final(30)
    match kind:
        case "menu":
            asked = await discord.context_menu(user, place, "Datos del texto", message)
        case "press":
            asked = await discord.press(user, message, "Borrar")
        case "autocomplete":
            asked = await discord.autocomplete(user, place, "escribe", "estilo", "g")
    for wrong in mutations(asked.payload(discord.bot), COUNT, seed=len(kind)):
        await discord.malformed_event("INTERACTION_CREATE", wrong)
    await stage.serves_others()
    discord.violations.clear()  # answers to invented interactions


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(environment_names().values())), value=st.text(max_size=60))
def test_settings_are_valid_or_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    plain = value.replace("\x00", "").encode("utf-8", "ignore").decode()
    told = ""
    with monkeypatch.context() as patch:
        patch.setenv(name, plain)
        try:
            load_settings()
        except SettingsError as error:
            told = str(error)
    assert not told or told.startswith((name, "TELEGRAM_WEBHOOK_SECRET"))
    assert "Traceback" not in told
    if name.endswith("TOKEN") and len(plain) > 3:
        assert plain not in told


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("sound") / "tiny")


@pytest.mark.parametrize("engine", ["auto", "pytorch"])
@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, TOKENIZER, METRICS])
def test_damaged_checkpoints_load_or_are_refused(
    sound: Path, tmp_path: Path, name: str, engine: str
) -> None:
    chance = random.Random(name)  # noqa: S311 (no secret)
    folder = tmp_path / "tiny"
    shutil.copytree(sound, folder)
    content = (sound / name).read_bytes()
    # The head of the weights file describes them; the rest are numbers, of which any are valid.
    reach = min(len(content), 4000)
    runtime = choose_runtime(engine, "cpu", 1)
    for _ in range(60):
        spoilt = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            spoilt[chance.randrange(reach)] = chance.randrange(256)
        (folder / name).write_bytes(bytes(spoilt[: chance.choice((len(spoilt), reach))]))
        with contextlib.suppress(CheckpointError):
            runtime.load(folder)
    assert os.listdir(tmp_path) == ["tiny"]
