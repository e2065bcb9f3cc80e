"""Real processes over a real PostgreSQL, with both platforms for them to serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.bots import Town
from tests.cluster.postgres import MISSING, Postgres, programs, serving
from tests.conftest import save_tiny
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share."""
    if programs() is None:
        pytest.skip(MISSING)
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `tiny` and `otro`, which write different texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    save_tiny(folder / "tiny", seed=0)
    save_tiny(folder / "otro", seed=1)
    return folder


@pytest.fixture
async def town(postgres: Postgres, checkpoints: Path, tmp_path: Path) -> AsyncIterator[Town]:
    """Both platforms and an empty database; processes are for the test to start."""
    postgres.empty()
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        town = Town(discord, telegram, postgres, checkpoints, tmp_path)
        yield town
        await town.close()
