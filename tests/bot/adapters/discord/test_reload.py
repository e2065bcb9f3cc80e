"""`/recargar`: new requests use the new checkpoint, running ones the old."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.adapters.discord.houses import ADMIN, PHRASE, House, house
from tests.bot.adapters.discord.reading import seen
from tests.bot.adapters.discord.test_buttons import button_of
from tests.bot.damage import DAMAGES, PICKLE_TRACE
from tests.bot.records import audit
from tests.conftest import save_tiny

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

BROKEN = [(str(damage.id).replace(" ", "-"), damage.values[1]) for damage in DAMAGES]


@pytest.fixture(scope="module")
def own_checkpoints(marked_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two valid checkpoints, some broken ones, and a link out of the folder."""
    folder = tmp_path_factory.mktemp("reload") / "checkpoints"
    shutil.copytree(marked_checkpoints, folder)
    for (name, _), damage in zip(BROKEN, DAMAGES, strict=True):
        shutil.copytree(folder / "otro", folder / name)
        damage.values[0](folder / name)
    save_tiny(folder.parent / "outside")
    (folder / "link").symlink_to(folder.parent / "outside")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _own(
    own_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("reloading")
    async with house(folder, own_checkpoints, DISCORD_ADMIN_IDS=ADMIN) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def lab(_own: House) -> AsyncIterator[House]:
    """A house for this module; each test begins with the checkpoint `tiny`."""
    if "tiny" not in await _own.use(_own.admin, "modelo"):
        await _own.use(_own.admin, "recargar", checkpoint="tiny")
    yield _own
    _own.check()


async def serving(lab: House) -> str:
    """The name of the serving checkpoint."""
    return (await lab.use(lab.admin, "modelo")).split()[1]


async def test_reload_switches_checkpoint_and_back(lab: House) -> None:
    ana = lab.person()
    first = await lab.ask(ana, semilla=1)
    report = await lab.use(lab.admin, "recargar", checkpoint="otro")
    assert report.startswith("Modelo cargado en ")
    second = await lab.ask(ana, semilla=1)
    assert seen(second).text != seen(first).text
    # The ids of both models, to tell their texts apart.
    assert all(button_of(m).checkpoint in report for m in (first, second))
    assert button_of(first).checkpoint != button_of(second).checkpoint
    assert "de otro" in await lab.use(lab.admin, "recargar", checkpoint="anterior")
    assert seen(await lab.ask(ana, semilla=1)).text == seen(first).text
    assert (await lab.use(lab.admin, "recargar")).count("tiny") == 2


@pytest.mark.parametrize(
    "name", ["nadie", "..", ".", "/etc", "../outside", "{outside}", "link", "tiny/../otro", "a\\b"]
)
async def test_reload_accepts_only_names_in_the_folder(
    lab: House, own_checkpoints: Path, name: str
) -> None:
    name = name.replace("{outside}", str(own_checkpoints.parent / "outside"))[:100]
    report = await lab.use(lab.admin, "recargar", checkpoint=name)
    assert report.startswith("Sigo con tiny (")
    assert "otro, " in report  # the known names
    assert await serving(lab) == "tiny"


@pytest.mark.parametrize(
    ("name", "file"), [(str(d.id).replace(" ", "-"), d.values[1]) for d in DAMAGES]
)
async def test_broken_checkpoint_keeps_old_model(
    lab: House, own_checkpoints: Path, name: str, file: str
) -> None:
    report = await lab.use(lab.admin, "recargar", checkpoint=name)
    assert report.startswith("Sigo con tiny (")
    assert file in report
    assert seen(await lab.ask(lab.person())).phrase == PHRASE
    assert not (own_checkpoints / PICKLE_TRACE).exists()


async def test_running_requests_survive_reload(lab: House) -> None:
    people = [lab.person() for _ in range(20)]
    asked = [
        await lab.discord.slash(person, lab.channel, "escribe", frase=PHRASE, frases=5)
        for person in people
    ]
    reload = asyncio.create_task(lab.use(lab.admin, "recargar", checkpoint="otro"))
    late = [lab.person() for _ in range(5)]
    more = [await lab.discord.slash(p, lab.channel, "escribe", frase=PHRASE) for p in late]
    messages = await asyncio.gather(*(lab.answer(each, 60) for each in (*asked, *more)))
    assert all(seen(message).phrase == PHRASE for message in messages)
    assert "otro" in await reload
    assert button_of(await lab.ask(late[0])).checkpoint in await reload


async def test_old_buttons_work_with_new_model(lab: House) -> None:
    ana = lab.person()
    message = await lab.ask(ana, estilo="galdos")
    await lab.use(lab.admin, "recargar", checkpoint="otro")
    again = await lab.press(ana, message, "Otra vez")
    assert button_of(again).style == "galdos"
    assert button_of(again).checkpoint != button_of(message).checkpoint


async def test_chosen_and_previous_model_survive_restart(lab: House, own_checkpoints: Path) -> None:
    await lab.use(lab.admin, "recargar", checkpoint="otro")
    await lab.restart(own_checkpoints)
    assert await serving(lab) == "otro"
    assert "a tiny" in await lab.use(lab.admin, "recargar", checkpoint="anterior")


async def test_audit_records_every_reload(lab: House) -> None:
    await lab.use(lab.admin, "recargar", checkpoint="otro")
    await lab.use(lab.admin, "recargar", checkpoint="nadie")
    done, failed = audit(lab.folder / "state")[-2:]
    assert (done.who, done.what, done.details["result"]) == (f"discord:{ADMIN}", "reload", "done")
    assert done.details["old"].startswith("tiny (")
    assert done.details["new"].startswith("otro (")
    assert failed.details["new"] == "nadie"
    assert failed.details["result"].startswith("failed")
