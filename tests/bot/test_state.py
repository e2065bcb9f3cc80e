"""What outlives the process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.state import AUDIT_FILE, MEMORY_FILE, State


def test_a_value_is_there_for_the_next_process(tmp_path: Path) -> None:
    State(tmp_path / "new").remember("commands", {"hash": "ñ"})
    assert State(tmp_path / "new").recall("commands") == {"hash": "ñ"}
    assert State(tmp_path / "new").recall("other") is None


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    State(tmp_path / "new").remember("a", 1)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"a": NaN'])
def test_a_damaged_memory_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MEMORY_FILE).write_bytes(content)
    state = State(tmp_path)
    assert state.recall("a") is None
    state.remember("a", 1)
    assert State(tmp_path).recall("a") == 1


def test_records_are_added_line_by_line_whatever_they_hold(tmp_path: Path) -> None:
    State(tmp_path).record(who="discord:1", what="a\nb")
    State(tmp_path).record(who="discord:2", what="c")
    lines = (tmp_path / AUDIT_FILE).read_text("utf-8").splitlines()
    assert [json.loads(line)["what"] for line in lines] == ["a\nb", "c"]
