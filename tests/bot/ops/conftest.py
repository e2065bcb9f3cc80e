"""Commands run in this process."""

from __future__ import annotations

import pytest

from bot.cli import run
from tests.bot.programs import Command, Outcome


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `litteragpt` with the given words."""

    def outcome(*words: object) -> Outcome:
        code = run(list(map(str, words)))
        return Outcome(code, *capsys.readouterr())

    return outcome
