"""No secret reaches the log."""

from __future__ import annotations

import io
import logging

import pytest

from bot.logs import HIDDEN, RedactingFormatter, configure_logs

TELEGRAM = "123456789:AAE-abcdefghijklmnopqrstuvwxyz012345"
DISCORD = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz01234567890a"
INTERACTION = "aW50ZXJhY3Rpb246MTIzNDU2Nzg5MDEyMzQ1Njc4OmFiY2RlZmdo"


def logged(message: str, *values: object, secrets: tuple[str, ...] = ()) -> str:
    """A line of the log, written while an exception with the same text is handled."""
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
def test_what_grants_access_is_hidden_in_messages_and_tracebacks(address: str, secret: str) -> None:
    line = logged("failed: %s", address)
    assert secret not in line
    assert line.count(HIDDEN) == 2
    assert "RuntimeError" in line


def test_an_error_is_told_in_one_line_by_its_kind_and_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logs("INFO", [])
        try:
            raise KeyError("En un lugar de la Mancha")
        except KeyError:
            logging.getLogger("asyncio").exception("a task failed\nfuture: <En un lugar>")
    finally:
        logging.getLogger().handlers[:], level = kept
        logging.getLogger().setLevel(level)
    (line,) = capsys.readouterr().err.splitlines()
    assert "a task failed (KeyError in test_an_error_is_told_in_one_line" in line
    assert "En un lugar" not in line


def test_configured_secrets_are_hidden_whatever_they_look_like() -> None:
    line = logged("the key is %s.", "short-key", secrets=("short-key", ""))
    assert "short-key" not in line
    assert f"the key is {HIDDEN}." in line


def test_ordinary_lines_stay_as_they_are() -> None:
    line = logged("%s answered in %.2f s, model small (c7d1aeb08b9d) at 10:20:30", "ACD34F", 1.5)
    assert "ACD34F answered in 1.50 s, model small (c7d1aeb08b9d) at 10:20:30" in line
