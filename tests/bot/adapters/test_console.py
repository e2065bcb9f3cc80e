"""The chat in a terminal."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from bot.texts import explain, say
from model.errors import CheckpointError, PromptError
from tests.bot.executors import PHRASE
from tests.bot.programs import Terminal, environment

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def folder(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints `tiny`, `otro` and `roto`, which lacks its vocabulary."""
    folder = tmp_path_factory.mktemp("console") / "checkpoints"
    shutil.copytree(checkpoints, folder)
    shutil.copytree(folder / "tiny", folder / "roto")
    (folder / "roto" / "tokenizer.json").unlink()
    return folder


@pytest.fixture(scope="module")
def chat(folder: Path) -> Iterator[Terminal]:
    """A chat for several tests; at its end stderr must be empty."""
    terminal = Terminal(environment(folder))
    yield terminal
    terminal.type("/salir\n")
    assert terminal.ended() == (0, "")


def test_welcome_names_the_model(chat: Terminal) -> None:
    assert chat.welcome == say("welcome", name="tiny") + "\n"


@pytest.mark.parametrize("line", [PHRASE, f"/escribe {PHRASE}", f"  /escribe   {PHRASE} "])
def test_phrase_is_continued(chat: Terminal, line: str) -> None:
    reply = chat.ask(line)
    assert reply.startswith(PHRASE)
    assert len(reply) > len(PHRASE) + 2


def test_answer_shows_notices(chat: Terminal) -> None:
    _, *notices = chat.ask(f"{PHRASE} \N{DRAGON}").splitlines()
    assert f"({say('dropped', characters=chr(0x1F409))})" in notices


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("\N{DRAGON}", PromptError("unwritable")),
        ("a" * 401, PromptError("too_long", length=401, limit=400)),
    ],
)
def test_bad_phrase_is_explained(chat: Terminal, line: str, problem: PromptError) -> None:
    assert chat.ask(line) == explain(problem)


def test_escribe_without_phrase_asks_for_one(chat: Terminal) -> None:
    assert chat.ask("/escribe") == say("no_phrase")


def test_unknown_command_is_no_phrase(chat: Terminal) -> None:
    assert chat.ask("/bailar sola") == say("no_such_command", command="/bailar")


def test_blank_line_is_ignored(chat: Terminal) -> None:
    chat.type("  \n")
    assert chat.read_until("> ") == ""


def test_modelo_describes_the_model(chat: Terminal) -> None:
    reply = chat.ask("/modelo")
    assert reply.startswith("Modelo tiny (")
    assert "26.912 parámetros" in reply
    assert "Corre en cpu con el motor nativo y 1 hilos." in reply
    assert reply.endswith(f" LitteraGPT {version('litteragpt')}.")


def test_estado_counts_answers(chat: Terminal) -> None:
    before = chat.ask("/estado")
    chat.ask(PHRASE)
    after = chat.ask("/estado")
    assert answered(after) == answered(before) + 1
    assert after.startswith("En curso y en cola: 0. ")
    assert after.endswith(" caracteres por segundo.")


def answered(status: str) -> int:
    return int(status.partition("Respondidas: ")[2].partition(".")[0])


def test_ayuda_names_every_command(chat: Terminal) -> None:
    commands = [line.split()[0] for line in chat.ask("/ayuda").splitlines()]
    assert commands == ["/escribe", "/recargar", "/modelo", "/estado", "/ayuda", "/salir"]


def test_recargar_without_name_reloads_same_model(chat: Terminal) -> None:
    before = chat.ask("/modelo")
    assert chat.ask("/recargar").startswith("Modelo cargado en ")
    assert chat.ask("/modelo") == before


def test_recargar_changes_the_model(chat: Terminal) -> None:
    reply = chat.ask("/recargar otro")
    assert "de tiny (" in reply
    assert "a otro (" in reply
    assert chat.ask("/modelo").startswith("Modelo otro (")
    chat.ask("/recargar tiny")


@pytest.mark.parametrize(
    "name", ["nadie", "../checkpoints/otro", "..", ".", "otro/", "{folder}/otro"]
)
def test_recargar_accepts_only_names_in_the_folder(chat: Terminal, folder: Path, name: str) -> None:
    name = name.format(folder=folder)
    problem = CheckpointError("unknown", name=name, folder=folder, known="otro, roto, tiny")
    reply = chat.ask(f"/recargar {name}")
    assert reply.startswith("Sigo con tiny (")
    assert reply.endswith(explain(problem))


def test_broken_model_is_refused_with_its_file(chat: Terminal, folder: Path) -> None:
    problem = CheckpointError("missing", file=folder / "roto" / "tokenizer.json")
    assert chat.ask("/recargar roto").endswith(explain(problem))
    assert chat.ask("/modelo").startswith("Modelo tiny (")


def test_words_are_not_split_in_narrow_terminal(folder: Path) -> None:
    terminal = Terminal(environment(folder), columns=30)
    told = terminal.welcome + terminal.ask("/estado")
    reply = terminal.ask(PHRASE)
    terminal.type("/salir\n")
    terminal.ended()
    assert all(len(line) <= 30 for line in told.splitlines())
    assert told.replace("\n", " ").startswith(say("welcome", name="tiny"))
    assert reply.replace("\n", " ").startswith(PHRASE)
    assert all(len(line) <= 30 or " " not in line for line in reply.splitlines())


@pytest.fixture
def long_chat(folder: Path) -> Iterator[Terminal]:
    """A chat whose answers take longer than any test."""
    terminal = Terminal(environment(folder, sentences=5, sentence_limit=4000))
    yield terminal
    terminal.process.kill()


def test_ctrl_c_ends_the_answer_then_the_chat(long_chat: Terminal) -> None:
    long_chat.type(PHRASE + "\n")
    long_chat.read_until(PHRASE)
    long_chat.press_ctrl_c()
    assert long_chat.read_until("\n> ").endswith(say("cancelled"))
    assert long_chat.ask("/estado").startswith("En curso y en cola: 0. Respondidas: 0.")
    long_chat.press_ctrl_c()
    assert long_chat.ended() == (0, "")


@pytest.mark.parametrize("line", ["", PHRASE + "\n"], ids=["waiting", "writing"])
def test_sigterm_ends_chat_and_worker(long_chat: Terminal, line: str) -> None:
    long_chat.type(line)
    long_chat.read_until(line.strip())
    long_chat.process.send_signal(signal.SIGTERM)
    assert long_chat.ended() == (0, "")
