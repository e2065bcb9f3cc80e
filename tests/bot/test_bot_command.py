"""`litteragpt bot` with pipes: how it begins, takes its input and ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from bot.cli import EXIT_CONFIG, EXIT_FAILURE, run
from bot.texts import explain, say
from model.errors import CheckpointError, DeviceError
from tests.bot.executors import PHRASE
from tests.bot.programs import PROGRAM, SECONDS, environment, litteragpt

pytestmark = pytest.mark.timeout(120)


def test_it_answers_line_by_line_and_leaves_at_the_end_of_its_input(checkpoints: Path) -> None:
    chat = litteragpt("bot", settings=environment(checkpoints), given=f"{PHRASE}\nHola".encode())
    lines = chat.stdout.decode().splitlines()
    assert lines[0] == say("welcome", name="tiny")
    assert [line[:4] for line in lines if line.startswith((PHRASE, "Hola"))] == ["En u", "Hola"]
    assert lines[-1] == say("goodbye")
    assert (chat.returncode, chat.stderr) == (0, b"")


def test_nothing_behind_salir_is_read(checkpoints: Path) -> None:
    given = b"/salir\n" + b"/ayuda\n" * 50
    chat = litteragpt("bot", settings=environment(checkpoints), given=given)
    assert chat.stdout.decode().splitlines() == [say("welcome", name="tiny"), say("goodbye")]
    assert (chat.returncode, chat.stderr) == (0, b"")


def test_bytes_that_are_no_text_do_not_end_it(checkpoints: Path) -> None:
    settings = environment(checkpoints) | {"PYTHONIOENCODING": "utf-8:strict"}
    given = b"\xff\xfe\x00\n\x00\n" + "Ñandú".encode("latin-1") + b"\n/ayuda\n"
    chat = litteragpt("bot", settings=settings, given=given)
    assert "/recargar" in chat.stdout.decode()
    assert (chat.returncode, chat.stderr) == (0, b"")


@pytest.mark.parametrize("input", ["<&-", "</dev/null", "</dev/zero", ": |"])
@pytest.mark.parametrize("found", [".env", ".env.txt", None])
def test_nobody_to_serve_and_no_terminal_is_a_mistake(
    checkpoints: Path, tmp_path: Path, input: str, found: str | None
) -> None:
    if found is not None:
        (tmp_path / found).write_text("LITTERAGPT_THREADS=1\n")
    line = '"$@"' if input == ": |" else f'exec "$@" {input}'
    chat = subprocess.run(
        ["/bin/sh", "-c", f"{input if input == ': |' else ''} {line}", "sh", *PROGRAM, "bot"],
        env=environment(checkpoints),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert chat.returncode == EXIT_CONFIG
    assert say("goodbye") not in chat.stdout.decode()
    told = chat.stderr.decode()
    assert all(name in told for name in ("DISCORD_TOKEN", "TELEGRAM_TOKEN", f"{tmp_path}/.env"))
    assert (say("no_front_end_misnamed") in told) == (found == ".env.txt")
    assert (say("no_front_end_missing", file=tmp_path / ".env") in told) == (found != ".env")
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_more_input_waits(checkpoints: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*PROGRAM, "bot"],
        env=environment(checkpoints, sentences=5, sentence_limit=4000),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as chat:
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdout.readline()  # the welcome: it is ready for signals
        if number == signal.SIGTERM:
            chat.stdin.write(f"{PHRASE}\n".encode() * 20)
            chat.stdin.flush()
            chat.stdout.read(len(PHRASE))
        chat.send_signal(number)
        _, errors = chat.communicate(timeout=SECONDS)
    assert (chat.returncode, errors) == (0, b"")


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell_of(checkpoints: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "bot"],
        env=environment(checkpoints),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as chat:
        assert chat.stdout is not None
        chat.stdout.readline()
        chat.stdout.close()
        chat.stdout = None
        _, errors = chat.communicate(b"/ayuda\n", timeout=SECONDS)
    assert (chat.returncode, errors) == (EXIT_FAILURE, b"")


def refused(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Start the bot in this process with settings that cannot work; the exit code."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return run(["bot"])


def test_wrong_settings_are_told_a_sentence_each(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = environment(checkpoints, threads="dos", sentences=9, device="tpu")
    assert refused(settings, monkeypatch) == EXIT_CONFIG
    shown = capsys.readouterr()
    named = [line.partition(":")[0] for line in shown.err.splitlines()]
    assert sorted(named) == ["LITTERAGPT_DEVICE", "LITTERAGPT_SENTENCES", "LITTERAGPT_THREADS"]
    assert shown.out == ""


def test_a_model_that_is_not_there_is_told_with_those_that_are(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(environment(checkpoints, checkpoint="nadie"), monkeypatch) == EXIT_CONFIG
    problem = CheckpointError("unknown", name="nadie", folder=checkpoints, known="otro, tiny")
    assert capsys.readouterr() == ("", explain(problem) + "\n")


def test_a_broken_model_is_told_by_its_file(
    checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(checkpoints / "tiny", tmp_path / "models" / "tiny")
    config = tmp_path / "models" / "tiny" / "config.json"
    config.write_text("{")
    assert refused(environment(tmp_path / "models"), monkeypatch) == EXIT_CONFIG
    assert capfd.readouterr() == ("", explain(CheckpointError("not_json", file=config)) + "\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused(environment(checkpoints, device="cuda"), monkeypatch) == EXIT_CONFIG
    assert capfd.readouterr() == ("", explain(DeviceError("no_cuda")) + "\n")


def test_a_worker_that_does_not_start_is_told(checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / "safetensors.py").write_text("raise SystemExit('no such luck')\n")
    settings = environment(checkpoints) | {"PYTHONPATH": str(tmp_path)}
    program = litteragpt("bot", settings=settings)
    assert program.returncode == EXIT_FAILURE
    assert program.stdout == b""
    assert program.stderr.decode().splitlines()[-1] == say("not_started")
    assert b"WARNING bot.worker: no such luck" in program.stderr
    assert b"Traceback" not in program.stderr


def test_the_installed_command_is_this_program(checkpoints: Path) -> None:
    command = Path(sys.executable).with_name("litteragpt")
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout == f"litteragpt {version('litteragpt')}\n"
