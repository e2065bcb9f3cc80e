"""`litteragpt escribe` as a process: pipes and exit codes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bot.cli import EXIT_FAILURE
from bot.texts import explain, say
from model.errors import PromptError
from tests.bot.executors import PHRASE
from tests.bot.programs import PROGRAM, SECONDS, environment, litteragpt

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        pytest.param(f"{PHRASE}\n".encode(), PHRASE, id="a line"),
        pytest.param(b"Hola\x00\r\nmundo\r\n", "Hola mundo", id="lines and null bytes"),
        pytest.param("Ñandú él".encode("latin-1"), "�and� �l", id="another encoding"),
    ],
)
def test_dash_reads_phrase_from_standard_input(
    checkpoints: Path, given: bytes, phrase: str
) -> None:
    program = litteragpt("escribe", "-", "--json", settings=environment(checkpoints), given=given)
    assert program.returncode == 0, program.stderr.decode()
    assert json.loads(program.stdout)["frase"] == phrase


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        pytest.param(b"", PromptError("empty"), id="nothing"),
        pytest.param(b"\x00" * 1000, PromptError("unwritable"), id="null bytes"),
        pytest.param(
            b"a" * 1_000_000, PromptError("too_long", length=65536, limit=400), id="a megabyte"
        ),
    ],
)
def test_invalid_input_fails_with_one_sentence(
    checkpoints: Path, given: bytes, problem: PromptError
) -> None:
    program = litteragpt("escribe", "-", settings=environment(checkpoints), given=given)
    assert (program.returncode, program.stdout) == (EXIT_FAILURE, b"")
    assert program.stderr.decode() == explain(problem) + "\n"


def test_undecodable_argument_fails_with_one_sentence(checkpoints: Path) -> None:
    program = litteragpt("escribe", b"\xff\xfe", settings=environment(checkpoints))
    assert (program.returncode, program.stdout) == (EXIT_FAILURE, b"")
    assert program.stderr.decode() == explain(PromptError("unwritable")) + "\n"


@pytest.mark.parametrize(
    ("redirection", "arguments", "told"),
    [
        pytest.param("<&-", ["-"], explain(PromptError("empty")) + "\n", id="closed input"),
        pytest.param(
            ">/dev/full",
            ["Hola"],
            say("system", error="No space left on device") + "\n",
            id="full disk",
        ),
        pytest.param("| true", ["Hola"], "", id="nobody reads"),
    ],
)
def test_failing_streams_cause_no_traceback(
    checkpoints: Path, redirection: str, arguments: list[str], told: str
) -> None:
    program = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", *PROGRAM, "escribe", *arguments],
        env=environment(checkpoints),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert (program.stdout, program.stderr.decode()) == (b"", told)
