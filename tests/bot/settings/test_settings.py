"""Settings from the environment and `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.settings.env_file import environment_names, load_settings, unknown_settings
from bot.settings.names import PREFIX, PREFIXES, SettingsError
from bot.texts.formatting import shorten
from tests.conftest import REPOSITORY

DOCUMENTED = re.compile(rf"^(?:# )?((?:{'|'.join(PREFIXES)})\w+)=(.*)$", re.MULTILINE)


def documented() -> dict[str, str]:
    """Variables in `.env.example` and their values."""
    return dict(DOCUMENTED.findall((REPOSITORY / ".env.example").read_text("utf-8")))


def test_env_example_has_exactly_the_settings() -> None:
    assert set(documented()) == set(environment_names().values())


@pytest.mark.parametrize("name", sorted(documented()))
def test_documented_value_is_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv(name, documented()[name])
    (field,) = [field for field, variable in environment_names().items() if variable == name]
    if name == "LITTERAGPT_STATE_DIR":  # the default depends on the user
        assert load_settings().state_dir == Path("state")
        return
    found, default = getattr(load_settings(), field), getattr(defaults, field)
    assert (found.resolve() if isinstance(found, Path) else found) == default


def test_env_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes((REPOSITORY / ".env.example").read_bytes())
    from_example = load_settings()
    (tmp_path / ".env").unlink()
    assert from_example == load_settings()
    assert unknown_settings() == []


def test_environment_overrides_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LITTERAGPT_SENTENCES=3\nLITTERAGPT_THREADS=2\n")
    monkeypatch.setenv("LITTERAGPT_THREADS", "4")
    settings = load_settings()
    assert (settings.sentences, settings.threads) == (3, 4)


def test_reads_file_of_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LITTERAGPT_SENTENCES=3\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load_settings().sentences == 2


def test_accepts_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LITTERAGPT_SENTENCES=3\n", "utf-8-sig")
    assert load_settings().sentences == 3
    assert unknown_settings() == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_accepts_windows_line_ends(tmp_path: Path, end: str) -> None:
    lines = ("# una nota", "LITTERAGPT_SENTENCES=3", 'LITTERAGPT_CHECKPOINT="otro"', "")
    (tmp_path / ".env").write_bytes(end.join(lines).encode())
    settings = load_settings()
    assert (settings.sentences, settings.checkpoint) == (3, "otro")


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("LITTERAGPT_SENTENCES 3\n", 1),
        ("\n# una nota\n\nLITTERAGPT_THREADS=1\n\n=x\n", 6),
        ("LITTERAGPT_THREADS=1\r\nDISCORD_TOKEN: 'abc'\r\nOTRA=1\r\n", 2),
        ('LITTERAGPT_CHECKPOINT="small\n', 1),
    ],
)
def test_malformed_line_is_reported_by_number(
    tmp_path: Path, content: str, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_bytes(content.encode())
    with pytest.raises(SettingsError, match=rf"^No entiendo la línea {number} "):
        load_settings()
    unknown_settings()
    assert capsys.readouterr() == ("", "")


AROUND = ("{}", "{} ", "\t{}\r", '"{}"', "'{}'", " “{}” ", '"{}"\r')
EXAMPLES = {
    "DISCORD_TOKEN": "abc.def",
    "TELEGRAM_TOKEN": "424242:" + "A" * 35,
    "DISCORD_ADMIN_IDS": "1,2",
    "DISCORD_API_BASE": "https://discord.example",
    "TELEGRAM_API_BASE": "https://telegram.example",
    "LITTERAGPT_DATABASE_URL": "postgresql://a:b@c/d",
    "LITTERAGPT_WEB_NAMES": "ejemplo.es",
    "LITTERAGPT_WEB_ADDRESS_HEADER": "X-Real-IP",
    "RAY_ADDRESS": "10.0.0.5:6379",
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", sorted(documented()))
def test_strips_spaces_and_quotes(name: str, around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = documented()[name] or EXAMPLES.get(name, "")
    monkeypatch.setenv(name, value)
    expected = load_settings()
    monkeypatch.setenv(name, around.format(value))
    assert load_settings() == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_accepts_encodings_of_windows_editors(tmp_path: Path, encoding: str) -> None:
    lines = "# ñ\r\nLITTERAGPT_WEB=true \r\nLITTERAGPT_TEMPERATURE=0,5\r\nLITTERAGPT_FOO=1\r\n"
    (tmp_path / ".env").write_bytes(lines.encode(encoding))
    settings = load_settings()
    assert (settings.web, settings.temperature) == (True, 0.5)
    assert len(unknown_settings()) == 1


@pytest.mark.parametrize("name", ["STATE_DIR", "CHECKPOINTS_DIR", "CHECKPOINT"])
def test_expands_tilde(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv(PREFIX + name, "~/uno")
    assert Path(getattr(load_settings(), name.lower())) == Path("/home/ana/uno")
    monkeypatch.setenv(PREFIX + name, "~nadie-que-exista/uno")
    with pytest.raises(SettingsError, match="esa carpeta personal no existe"):
        load_settings()


@pytest.mark.parametrize(
    ("written", "expected"), [("0,8", 0.8), (",5", 0.5), ("1,2,3", None), ("1.000,5", None)]
)
def test_accepts_decimal_comma(
    written: str, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITTERAGPT_TEMPERATURE", written)
    if expected is not None:
        assert load_settings().temperature == expected
        return
    with pytest.raises(SettingsError, match="se espera un número"):
        load_settings()


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "TELEGRAM_TOKEN"])
def test_reports_unbalanced_quote_in_token(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, '"abc.def')
    with pytest.raises(SettingsError, match="sobran las comillas") as refused:
        load_settings()
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(documented()))
def test_empty_value_means_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    monkeypatch.setenv(name, "")
    assert load_settings() == defaults


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("DEVICE", "CUDA", "cuda"),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("TOP_P", "1", 1.0),
        ("LOG_FORMAT", "JSON", "json"),
        ("LOG_LEVELS", "Telegram=debug, store=ERROR", {"telegram": "DEBUG", "store": "ERROR"}),
        ("CHECKPOINTS_DIR", "~", Path.home()),
        ("ALLOWED_USERS", "Discord:1, web", frozenset({"discord:1", "web"})),
        ("WEB_NAMES", "Ejemplo.es www.ejemplo.es", frozenset({"ejemplo.es", "www.ejemplo.es"})),
        ("WEB_ADDRESS_HEADER", "X-Real-IP", "X-Real-IP"),
    ],
)
def test_accepts_usual_spellings(
    name: str, value: str, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    assert getattr(load_settings(), name.lower()) == found


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEVICE", "tpu", "se espera auto, cpu o cuda"),
        ("LOG_LEVEL", "chatty", "se espera DEBUG, INFO, WARNING o ERROR"),
        ("THREADS", "dos", "se espera un número entero"),
        ("LOG_FORMAT", "xml", "se espera text o json"),
        ("LOG_LEVELS", "radio=DEBUG", "se espera parte=NIVEL, y las partes son"),
        ("LOG_LEVELS", "store", "se espera parte=NIVEL, y los niveles son"),
        ("THREADS", "-1", "lo menos es 0"),
        ("THREADS", "1.5", "se espera un número entero"),
        ("THREADS", "9" * 5000, "se espera"),
        ("MAX_BATCH", "0", "lo menos es 1"),
        ("QUEUE_LIMIT", "100001", "lo más es 100000"),
        ("SENTENCES", "0", "lo menos es 1"),
        ("SENTENCES", "6", "lo más es 5"),
        ("TEMPERATURE", "tibia", "se espera un número"),
        ("TEMPERATURE", "-0.1", "lo menos es 0"),
        ("TEMPERATURE", "nan", "se espera un número"),
        ("TOP_P", "0", "lo menos es 0.01"),
        ("TOP_P", "inf", "se espera un número"),
        ("PHRASE_LIMIT", "401", "lo más es 400"),
        ("SENTENCE_LIMIT", "39", "lo menos es 40"),
        ("ALLOWED_USERS", "ana", "se esperan discord:NÚMERO, telegram:NÚMERO o web separados"),
        ("ALLOWED_SERVERS", "web", "se esperan discord:NÚMERO o telegram:NÚMERO separados"),
        ("WEB_PORT", "0", "lo menos es 1"),
        ("WEB_NAMES", "https://ejemplo.es", "se esperan nombres como ejemplo.es"),
        ("WEB_ADDRESS_HEADER", "X Real", "se espera el nombre de una cabecera HTTP"),
    ],
)
def test_wrong_value_is_one_sentence_with_name(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    told = str(refusal.value)
    assert told.startswith(f"{PREFIX}{name}: «{shorten(value)}» no vale; {expected}")
    assert told.endswith(".")
    assert "\n" not in told
    assert len(told) < 160


@pytest.mark.parametrize(
    ("count", "ids", "found"),
    [("4", "", ()), ("9", "0-3,8", (0, 1, 2, 3, 8)), ("3", "2 0-1, 1", (0, 1, 2))],
)
def test_shards_are_numbers_and_ranges(
    count: str, ids: str, found: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_SHARD_COUNT", count)
    monkeypatch.setenv("DISCORD_SHARD_IDS", ids)
    settings = load_settings()
    assert (settings.discord_shard_count, settings.discord_shard_ids) == (int(count), found)


@pytest.mark.parametrize(
    ("count", "ids", "told"),
    [
        ("0", "", "DISCORD_SHARD_COUNT: «0» no vale; lo menos es 1."),
        ("muchos", "", "DISCORD_SHARD_COUNT: «muchos» no vale; se espera un número entero."),
        ("10001", "", "DISCORD_SHARD_COUNT: «10001» no vale; lo más es 10000."),
        (
            "",
            "0",
            "DISCORD_SHARD_IDS: con DISCORD_SHARD_IDS se espera también "
            "DISCORD_SHARD_COUNT, cuántos shards hay.",
        ),
        (
            "4",
            "2-6",
            "DISCORD_SHARD_IDS: 4-6 no vale: con DISCORD_SHARD_COUNT=4 los números van de 0 a 3.",
        ),
    ]
    + [
        (
            "9",
            ids,
            f"DISCORD_SHARD_IDS: «{shorten(ids)}» no vale; se esperan números o tramos como 0-3,8.",
        )
        for ids in ("uno", "3-1", "-1", "1-", "0-3-5", "0-99999999999", "9" * 5000)
    ],
)
def test_wrong_shards_are_one_sentence(
    count: str, ids: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_SHARD_COUNT", count)
    monkeypatch.setenv("DISCORD_SHARD_IDS", ids)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value) == told


def test_reports_every_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTERAGPT_THREADS", "dos")
    monkeypatch.setenv("LITTERAGPT_SENTENCES", "dos")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LITTERAGPT_DEVISE", " (¿quiso decir LITTERAGPT_DEVICE?)"),
        ("litteragpt_sentence", " (¿quiso decir LITTERAGPT_SENTENCES?)"),
        ("LITTERAGPT_XYZ", ""),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_unknown_setting_gets_warning_with_suggestion(
    name: str, hint: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv(name, "1")
    else:
        (tmp_path / ".env").write_text(f"{name}=1\n")
    (warning,) = unknown_settings()
    assert warning == f"Aviso: no conozco el ajuste {name}{hint}; no lo tengo en cuenta."
    load_settings()


def test_ignores_variables_of_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_DEVICE", "tpu")
    (tmp_path / ".env").write_text("DEVICE=tpu\nSECRET=1\n")
    assert unknown_settings() == []
    assert load_settings().device == "auto"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", "LITTERAGPT_DEVICE=ñ".encode("latin-1")])
def test_undecodable_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    assert unknown_settings() == []
    assert_file_refused()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o000)
    assert unknown_settings() == []
    assert_file_refused()


def assert_file_refused() -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith("No puedo leer el archivo .env")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "seed", "candidates"),
    [
        (None, None, None),
        ("auto", None, None),
        ("AUTO ", 7, 32),
        ("auto", 4_000_000_007, 8),
        ("12", None, 12),
        ("12", 4_000_000_007, 12),
    ],
)
def test_candidates_follow_setting_or_seed(
    value: str | None, seed: int | None, candidates: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("LITTERAGPT_CANDIDATES", value)
    assert load_settings().options(seed=seed).candidates == candidates


@pytest.mark.parametrize("value", ["0", "65", "-1", "muchas", "1.5", "٣"])
def test_refuses_other_numbers_of_candidates(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTERAGPT_CANDIDATES", value)
    with pytest.raises(SettingsError, match="auto o un número de 1 a 64"):
        load_settings()
