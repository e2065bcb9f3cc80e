"""`litteragpt escribe`: output, options and errors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.cli import EXIT_CONFIG, EXIT_FAILURE, EXIT_USAGE
from bot.texts import say
from model.ranking.fault import Fault
from tests.bot.damage import DAMAGES, PICKLE_TRACE
from tests.bot.executors import PHRASE
from tests.bot.programs import Command, Outcome, environment

KEYS = [
    "frase",
    "texto",
    "frases",
    "estilo",
    "semilla",
    "candidatas",
    "rechazadas",
    "checkpoint",
    "caracteres",
    "motor",
    "segundos",
    "avisos",
]


@pytest.fixture
def escribe(checkpoints: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs `litteragpt escribe` in this process."""
    for name, value in environment(checkpoints).items():
        monkeypatch.setenv(name, value)
    return partial(command, "escribe")


def answer(outcome: Outcome) -> dict[str, Any]:
    """The object printed by `--json`."""
    assert (outcome.code, outcome.err) == (0, "")
    content: dict[str, Any] = json.loads(outcome.out)
    return content


def assert_one_sentence(outcome: Outcome, code: int) -> None:
    """Assert that the command failed with one line on standard error and no other output."""
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.endswith(".\n")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    assert len(outcome.err) < 400


def test_prints_only_text(escribe: Command) -> None:
    outcome = escribe(PHRASE, "--semilla", "1")
    assert outcome.code == 0
    assert outcome.out.startswith(PHRASE)
    assert outcome.out.count("\n") == 1
    assert outcome.out.strip() == answer(escribe(PHRASE, "--semilla", "1", "--json"))["texto"]


def test_json_keys(escribe: Command, checkpoints: Path) -> None:
    content = answer(escribe(PHRASE, "--semilla", "7", "--estilo", "galdos", "--json"))
    assert list(content) == KEYS
    assert (content["frase"], content["estilo"], content["semilla"]) == (PHRASE, "galdos", 7)
    assert content["caracteres"] >= len(content["texto"]) - len(PHRASE)
    assert content["segundos"] > 0


def test_json_reports_candidates_and_rejections(
    escribe: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITTERAGPT_CANDIDATES", "6")
    content = answer(escribe(PHRASE, "--semilla", "7", "--json"))
    assert content["candidatas"] == 12
    rejected = content["rechazadas"]
    assert rejected
    assert rejected.keys() <= {say(f"fault_{fault}") for fault in Fault}
    assert all(0 < count <= 12 for count in rejected.values())
    monkeypatch.setenv("LITTERAGPT_CANDIDATES", "auto")
    again = answer(escribe(PHRASE, "--semilla", "3000000007", "--json"))  # the seed selects four
    assert again["candidatas"] == 8


@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize("phrase", [PHRASE, "Dijo el cura."])
def test_generates_requested_number_of_sentences(escribe: Command, count: int, phrase: str) -> None:
    content = answer(escribe(phrase, "--frases", str(count), "--json"))
    assert len(content["frases"]) == count
    assert content["texto"].startswith(phrase)
    assert content["texto"].endswith(" ".join(content["frases"]))


def test_same_seed_gives_same_text(escribe: Command) -> None:
    first, again, other = (
        answer(escribe(PHRASE, "--semilla", seed, "--json")) for seed in ("7", "7", "8")
    )
    assert first["texto"] == again["texto"] != other["texto"]


def test_seeds_differ_by_default(escribe: Command) -> None:
    seeds = {answer(escribe("Hola", "--frases", "1", "--json"))["semilla"] for _ in range(4)}
    assert len(seeds) == 4


@pytest.mark.parametrize("style", ["galdos", "Galdós", "GALDÓS", " galdós "])
def test_accepts_spellings_of_style(escribe: Command, style: str) -> None:
    assert answer(escribe("Hola", "--estilo", style, "--json"))["estilo"] == "galdos"


def test_accepts_checkpoint_name_or_folder(
    escribe: Command, checkpoints: Path, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(checkpoints / "otro", tmp_path / "elsewhere")
    tiny, otro, copied = (
        answer(escribe("Hola", "--checkpoint", name, "--json"))["checkpoint"]
        for name in ("tiny", "otro", str(elsewhere))
    )
    assert tiny != otro == copied


def test_temperature_accepts_decimal_comma(escribe: Command) -> None:
    texts = {
        answer(escribe(PHRASE, "--semilla", "1", "--temperatura", value, "--json"))["texto"]
        for value in ("0.5", "0,5")
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("phrase", "shown", "dropped"),
    [
        ("@everyone hola", "@everyone hola", "@"),
        ("**Hola** _mundo_", "**Hola** _mundo_", "* _"),
        ("nin\u0303o", "niño", None),
        ("i\u0308\u0332\u0333", "ï\u0332\u0333", None),
        ("\u200fHola\u202e \x00mundo", "Hola mundo", None),
        ("Hola\N{DRAGON}", "Hola\N{DRAGON}", "\N{DRAGON}"),
        ("a\udcffb", "ab", None),
        ("  Hola\n\tmundo ", "Hola mundo", None),
        ("“Hola”…", "“Hola”…", None),
    ],
)
def test_shows_phrase_and_names_unknown_characters(
    escribe: Command, phrase: str, shown: str, dropped: str | None
) -> None:
    content = answer(escribe(phrase, "--frases", "1", "--json"))
    assert content["frase"] == shown
    assert content["texto"].startswith(shown)
    notice = [] if dropped is None else [say("dropped", characters=dropped)]
    assert content["avisos"][: len(notice)] == notice


def test_phrase_needs_no_quotes(escribe: Command) -> None:
    options = ("--frases", "1", "--semilla", "3")
    assert escribe("Hola", "mundo", *options).out == escribe("Hola mundo", *options).out


def test_prints_notices_to_standard_error(escribe: Command) -> None:
    outcome = escribe("Hola @", "--frases", "1")
    assert outcome.out.startswith("Hola")
    assert outcome.err.splitlines()[0] == f"({say('dropped', characters='@')})"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param([""], EXIT_FAILURE, id="empty"),
        pytest.param([" \t\n\u00a0"], EXIT_FAILURE, id="blank"),
        pytest.param(["a" * 401], EXIT_FAILURE, id="401 characters"),
        pytest.param(["a" * 10_000], EXIT_FAILURE, id="10,000 characters"),
        pytest.param(["\N{DRAGON}\N{OLIVE}"], EXIT_FAILURE, id="only emoji"),
        pytest.param(["\u200f\u200e\u202e"], EXIT_FAILURE, id="only direction marks"),
        pytest.param(["\x00\x00"], EXIT_FAILURE, id="only null bytes"),
        pytest.param(["\udcff\udcfe"], EXIT_FAILURE, id="no text at all"),
        pytest.param(["Привет"], EXIT_FAILURE, id="another script"),
        pytest.param(["Hola", "--frases", "0"], EXIT_FAILURE, id="no sentences"),
        pytest.param(["Hola", "--frases", "99"], EXIT_FAILURE, id="99 sentences"),
        pytest.param(["Hola", "--frases", "x"], EXIT_USAGE, id="x sentences"),
        pytest.param(["Hola", "--frases", "1.5"], EXIT_USAGE, id="1.5 sentences"),
        pytest.param(["Hola", "--estilo", "quevedo"], EXIT_FAILURE, id="unknown style"),
        pytest.param(["Hola", "--estilo", "a\nb" * 999], EXIT_FAILURE, id="style of many lines"),
        pytest.param(["Hola", "--estilo", ""], EXIT_FAILURE, id="empty style"),
        pytest.param(["Hola", "--checkpoint", "nadie"], EXIT_FAILURE, id="unknown checkpoint"),
        pytest.param(["Hola", "--checkpoint", "a" * 5000], EXIT_FAILURE, id="endless checkpoint"),
        pytest.param(["Hola", "--checkpoint", "no/va"], EXIT_FAILURE, id="no such folder"),
        pytest.param(["Hola", "--checkpoint", "."], EXIT_FAILURE, id="a folder without any"),
        pytest.param(["Hola", "--checkpoint", "a\x00b"], EXIT_FAILURE, id="no name at all"),
        pytest.param(["Hola", "--temperatura", "-1"], EXIT_FAILURE, id="temperature -1"),
        pytest.param(["Hola", "--temperatura", "nan"], EXIT_FAILURE, id="temperature nan"),
        pytest.param(["Hola", "--temperatura", "inf"], EXIT_FAILURE, id="temperature inf"),
        pytest.param(["Hola", "--temperatura", "x"], EXIT_USAGE, id="temperature x"),
        pytest.param(["Hola", "--semilla", "-1"], EXIT_FAILURE, id="seed -1"),
        pytest.param(["Hola", "--semilla", str(2**63)], EXIT_FAILURE, id="seed too large"),
        pytest.param(["Hola", "--semilla", "x"], EXIT_USAGE, id="seed x"),
        pytest.param(["Hola", "--semilla", "9" * 5000], EXIT_USAGE, id="seed of 5000 digits"),
        pytest.param(["Hola", "--semilla"], EXIT_USAGE, id="option without value"),
        pytest.param(["Hola", "--velocidad", "1"], EXIT_USAGE, id="unknown option"),
        pytest.param(["Hola", "--" + "x" * 5000], EXIT_USAGE, id="endless option"),
        pytest.param([], EXIT_USAGE, id="no phrase"),
    ],
)
def test_error_is_one_sentence(escribe: Command, arguments: list[str], code: int) -> None:
    assert_one_sentence(escribe(*arguments), code)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_error_is_same_with_json(escribe: Command, option: tuple[str, ...]) -> None:
    assert_one_sentence(escribe("", *option), EXIT_FAILURE)


@pytest.mark.parametrize(("damage", "file"), DAMAGES)
def test_error_names_file_of_broken_checkpoint(
    escribe: Command, checkpoints: Path, tmp_path: Path, damage: Callable[[Path], None], file: str
) -> None:
    broken = Path(shutil.copytree(checkpoints / "tiny", tmp_path / "broken"))
    damage(broken)
    outcome = escribe("Hola", "--checkpoint", "broken")
    assert_one_sentence(outcome, EXIT_FAILURE)
    assert str(Path("broken") / file) in outcome.err
    assert not (tmp_path / PICKLE_TRACE).exists()


def test_error_names_wrong_setting(escribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTERAGPT_TOP_P", "7")
    outcome = escribe("Hola")
    assert_one_sentence(outcome, EXIT_CONFIG)
    assert outcome.err.startswith("LITTERAGPT_TOP_P: ")


def test_unknown_setting_is_only_warning(escribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTERAGPT_TOPP", "7")
    outcome = escribe("Hola", "--frases", "1")
    assert outcome.code == 0
    assert "¿quiso decir LITTERAGPT_TOP_P?" in outcome.err.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["escriba", "Hola"], "no existe la orden escriba (¿quiso decir escribe?). «litteragpt"),
        (["xyz"], "no existe la orden xyz. «litteragpt"),
        (["escribe", "Hola", "--estil", "galdos"], "(¿quiso decir --estilo?)"),
        (["escribe", "Hola", "--zzz"], "no existe la opción --zzz. «litteragpt escribe"),
        (["escribe", "-No sé"], "detrás de «--»: litteragpt escribe -- "),
        (["escribe", "--No sé--dijo"], "detrás de «--»: litteragpt escribe -- "),
        (["escribe", "Hola", "--estilo"], "la opción --estilo necesita un valor"),
        (["escribe"], "falta frase"),
        (["bot", "ya", "mismo"], "sobra «ya mismo». «litteragpt bot"),
    ],
)
def test_usage_error_is_one_sentence(command: Command, arguments: list[str], problem: str) -> None:
    outcome = command(*arguments)
    assert_one_sentence(outcome, EXIT_USAGE)
    assert problem in outcome.err.replace("Pruebe ", "")
    assert outcome.err.endswith(" --help».\n")


def test_shows_help_without_arguments(command: Command) -> None:
    outcome = command()
    assert (outcome.code, outcome.err) == (0, "")
    assert all(command in outcome.out for command in ("escribe", "bot", "setup", "doctor"))
