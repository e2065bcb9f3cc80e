"""The log contains no secret and one line per event."""

from __future__ import annotations

import io
import itertools
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.logs import HIDDEN, PARTS, RedactingFormatter, about, configure_logs, of_shard

TELEGRAM = "123456789:AAE-abcdefghijklmnopqrstuvwxyz012345"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz01234567890a"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OmFiY2RlZmdo"


def logged(message: str, *values: object, secrets: tuple[str, ...] = ()) -> str:
    """The log entry for a message, written while handling an exception with the same text."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(RedactingFormatter(secrets))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise RuntimeError(message % values)
    except RuntimeError:
        logger.exception(message, *values)
    return out.getvalue()


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        (f"https://api.telegram.org/bot{TELEGRAM}/getMe", TELEGRAM),
        (f"Authorization: Bot {DISCORD}", DISCORD),
        (f"POST /api/v10/interactions/123/{INTERACTION}/callback", INTERACTION),
        (f"PATCH /api/v10/webhooks/123/{INTERACTION}/messages/@original", INTERACTION),
    ],
)
def test_redacts_credentials_in_messages_and_tracebacks(address: str, secret: str) -> None:
    line = logged("failed: %s", address)
    assert secret not in line
    assert line.count(HIDDEN) == 2
    assert "RuntimeError" in line


@pytest.fixture
def own_logs() -> Iterator[None]:
    """Restore the loggers of the process after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    named = {
        name: logging.getLogger(name).level
        for name in (*itertools.chain(*PARTS.values()), "telegram", "asyncio")
    }
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in named.items():
        logging.getLogger(name).setLevel(before)


def fail(name: str = "asyncio") -> None:
    """Log a multi-line error that quotes a phrase, as asyncio does."""
    try:
        raise KeyError("En un lugar de la Mancha")
    except KeyError:
        logging.getLogger(name).exception("a task failed\nfuture: <En un lugar>")


@pytest.mark.usefixtures("own_logs")
def test_error_is_one_line_with_type_and_location(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", [])
    fail()
    (line,) = capsys.readouterr().err.splitlines()
    assert "a task failed (KeyError in fail, " in line
    assert "En un lugar" not in line


def test_redacts_configured_secrets() -> None:
    line = logged("the key is %s.", "short-key", secrets=("short-key", ""))
    assert "short-key" not in line
    assert f"the key is {HIDDEN}." in line


def test_leaves_ordinary_lines_unchanged() -> None:
    line = logged("%s answered in %.2f s, model small (c7d1aeb08b9d) at 10:20:30", "ACD34F", 1.5)
    assert "ACD34F answered in 1.50 s, model small (c7d1aeb08b9d) at 10:20:30" in line


def test_replaces_control_characters() -> None:
    line = logged("one\r\ntwo\x1b[2Jthree\u2028four %s", "five").splitlines()[0]
    assert line.endswith("one two [2Jthree four five")


@pytest.mark.usefixtures("own_logs")
def test_lines_of_request_have_its_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("INFO", [])
    with about("ACD34F"):
        logging.getLogger("library").warning("slow")
        logging.getLogger("bot").info("ACD34F answered")
    logging.getLogger("library").warning("of nobody")
    slow, answered, other = capsys.readouterr().err.splitlines()
    assert slow.endswith("library: slow [ACD34F]")
    assert answered.endswith("bot: ACD34F answered")
    assert other.endswith("of nobody")


@pytest.mark.usefixtures("own_logs")
@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_of_shard_have_its_number(capsys: pytest.CaptureFixture[str], form: str) -> None:
    configure_logs("INFO", [], form)
    with of_shard(3):
        logging.getLogger("library").warning("slow")
        with about("ACD34F"):
            logging.getLogger("bot").info("answered")
    logging.getLogger("library").warning("of none")
    slow, answered, other = capsys.readouterr().err.splitlines()
    if form == "json":
        assert [json.loads(each).get("shard") for each in (slow, answered, other)] == [3, 3, None]
    else:
        assert slow.endswith("library: slow [shard 3]")
        assert answered.endswith("bot: answered [ACD34F] [shard 3]")
        assert other.endswith("of none")


@pytest.mark.usefixtures("own_logs")
def test_json_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", ["short-key"], "json", {"store": "DEBUG"})
    with about("ACD34F"):
        logging.getLogger("bot.x").info("a «key»\nis %s", "short-key")
    fail()
    fail("bot.store.store")
    said, failed, shown = map(json.loads, capsys.readouterr().err.splitlines())
    moment = datetime.fromisoformat(said.pop("time"))
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert said == {
        "level": "INFO",
        "logger": "bot.x",
        "message": f"a «key»\nis {HIDDEN}",
        "reference": "ACD34F",
    }
    assert set(failed) == {"time", "level", "logger", "message"}
    assert failed["message"].startswith("a task failed (KeyError in fail, ")
    # At level DEBUG the part's lines contain the full traceback.
    assert "KeyError: 'En un lugar de la Mancha'" in shown["traceback"]


@pytest.mark.usefixtures("own_logs")
@pytest.mark.parametrize(
    ("level", "parts", "shown"),
    [
        ("INFO", {}, "bot.store bot.service.service discord!"),
        ("INFO", {"store": "ERROR"}, "bot.service.service discord!"),
        ("WARNING", {"service": "INFO"}, "bot.service.service discord!"),
        ("ERROR", {"discord": "INFO"}, "discord!"),
        ("ERROR", {}, ""),
        ("INFO", {"discord": "DEBUG"}, "bot.store bot.service.service discord discord!"),
    ],
)
def test_parts_have_own_levels(
    capsys: pytest.CaptureFixture[str], level: str, parts: dict[str, str], shown: str
) -> None:
    configure_logs(level, [], parts=parts)
    for name in ("bot.store", "bot.service.service", "discord"):
        logging.getLogger(name).info("said by %s", name)
    logging.getLogger("discord").warning("said by discord!")
    logging.getLogger("telegram").error("whole messages, phrases included")
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == shown.split()
