"""Control characters in files, file names and library messages never reach a terminal."""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from bot.adapters.console import Console
from bot.logs import RedactingFormatter
from bot.ops.doctor.findings import Finding, Grade, as_json
from bot.texts import say
from model.errors import CheckpointError, ExchangeError
from model.exchange.original import import_original
from model.printable import escape_controls
from tests.bot.programs import environment, litteragpt
from tests.model.exchange.published import CHARACTERS, lively

# Clears the screen, sets the window title, C1's CSI, reverses the text direction, starts another
# line.
OBEYED = "\x1b[2J\x1b]0;title\x07\x9b1m\u202ecod\u2066\x85\r\u2028end"
EVIL = f"a{OBEYED}z"


def assert_shown(*streams: bytes) -> None:
    """Assert that the name is shown, without control characters."""
    text = b"".join(streams).decode()
    assert "title" in text
    assert text == escape_controls(text)
    assert "\t" not in text


@pytest.fixture
def strange(checkpoints: Path, tmp_path: Path) -> Path:
    """A folder of checkpoints, one of them with a strange name."""
    shutil.copytree(checkpoints, tmp_path / "models")
    shutil.copytree(checkpoints / "tiny", tmp_path / "models" / EVIL)
    return tmp_path / "models"


def rename_a_tensor(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header[EVIL] = header.pop("head.weight")
    spelled = json.dumps(header).encode()
    rest = len(spelled).to_bytes(8, "little") + spelled + content[8 + length :]
    (folder / "model.safetensors").write_bytes(rest)


def add_an_entry(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(content | {EVIL: EVIL}))

    return change


def name_a_style(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(content | {"styles": [EVIL]}))


def cut_the_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"x")


@pytest.mark.parametrize(
    "damage", [rename_a_tensor, add_an_entry("config.json"), name_a_style, cut_the_weights]
)
def test_checkpoint_names(strange: Path, damage: Callable[[Path], None]) -> None:
    damage(strange / EVIL)
    for arguments in (["escribe", "Hola", "--checkpoint", EVIL], ["doctor"], ["bot"]):
        settings = environment(strange, checkpoint=EVIL)
        done = litteragpt(*arguments, settings=settings, given=b"Hola\n")
        assert done.returncode != 0
        assert_shown(done.stdout, done.stderr)


def test_json_decodes_to_original(strange: Path) -> None:
    done = litteragpt("bench", "--json", settings=environment(strange, checkpoint=EVIL))
    assert_shown(done.stdout, done.stderr)
    assert EVIL in json.loads(done.stdout).values()


def test_imported_file(checkpoints: Path, tmp_path: Path) -> None:
    for described in (b"\x80\x02c" + EVIL.replace("\n", "").encode() + b"\ntitle\n.", b"N."):
        with zipfile.ZipFile(tmp_path / f"{EVIL}.pt", "w") as file:
            file.writestr("archive/data.pkl", described)
        done = litteragpt(
            "import", f"{tmp_path}/{EVIL}.pt", "out", settings=environment(checkpoints)
        )
        assert done.returncode == 1
        assert_shown(done.stdout, done.stderr)
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("character", ["\x1b", "\n", "\x9b", "\u202e", "\u2028"])
def test_import_refuses_unprintable_vocabulary(tmp_path: Path, character: str) -> None:
    import torch

    torch.save(lively(width=4, heads=1, layers=1, context=2), tmp_path / "m.pt")
    held = CHARACTERS[:-1] + character
    (tmp_path / "map.json").write_text(json.dumps({each: id for id, each in enumerate(held)}))
    with pytest.raises(ExchangeError, match=r"map\.json"):
        import_original(tmp_path / "m.pt", tmp_path / "out", tmp_path / "map.json")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["corpus", "build", "--text", EVIL, "--text", EVIL, "--author", "ana", "--out", "out"],
        ["corpus", "build", "--text", "text", "--author", EVIL, "--out", "out"],
        ["corpus", "build", EVIL, "--out", "out"],
        ["evaluate", EVIL, "--data", "nowhere"],
        ["lexicon", EVIL, "--data", "nowhere"],
        ["train", "--data", EVIL, "--out", "out", "--preset", "tiny"],
        [EVIL],
        ["bench", f"--{EVIL}"],
        ["export", EVIL, "out", "--format", "hf"],
    ],
)
def test_command_line_names(checkpoints: Path, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / EVIL).write_text("Demasiado corto.")
    (tmp_path / "text").write_text("Demasiado corto.")
    done = litteragpt(*arguments, settings=environment(checkpoints))
    assert done.returncode != 0
    assert_shown(done.stdout, done.stderr)


def test_setting_values(checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"LITTERAGPT_{EVIL}=1\nLITTERAGPT_THREADS={EVIL}\n".encode())
    done = litteragpt("escribe", "Hola", settings=environment(checkpoints) | {"X": ""})
    assert done.stdout.decode() == escape_controls(done.stdout.decode())
    assert done.stderr.decode() == escape_controls(done.stderr.decode())


def test_log_lines() -> None:
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        record = logging.LogRecord("bot", 20, "", 1, "%s", (EVIL,), (ValueError, error, None))
    line = RedactingFormatter().format(record)
    assert "title" in line
    assert line == escape_controls(line)


def test_texts_and_findings() -> None:
    assert_shown(say("no_such_command", command=EVIL).encode())
    assert_shown(escape_controls(as_json([Finding("part", Grade.GOOD, EVIL)])).encode())
    with pytest.raises(CheckpointError) as refused:
        raise CheckpointError("unknown", name=EVIL, folder=EVIL, known=EVIL)
    assert_shown(str(refused.value).encode())


def test_console_chat() -> None:
    out = StringIO()
    console = Console.__new__(Console)
    console._out = out
    console._say(EVIL)
    assert_shown(out.getvalue().encode())
