"""What outlives the process: a few remembered values and the admins' audit, as files in one folder.

A folder that cannot be read or written costs the memory and nothing else: the log says so and the
bot goes on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from model.files import write_text

log = logging.getLogger(__name__)

MEMORY_FILE = "memory.json"
AUDIT_FILE = "audit.jsonl"


class State:
    """Values by name, written whole or not at all, and a record to which lines are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory = _read(folder / MEMORY_FILE)

    def recall(self, name: str) -> Any:
        """The value last remembered under a name, None without one."""
        return self._memory.get(name)

    def remember(self, name: str, value: Any) -> None:
        """Keep a value (anything JSON can hold) for this process and the next."""
        if self._memory.get(name) == value:
            return
        self._memory[name] = value
        content = json.dumps(self._memory, ensure_ascii=False, indent=2) + "\n"
        self._keep(partial(write_text, self.folder / MEMORY_FILE, content))

    def record(self, **entry: object) -> None:
        """Add a line to the audit, with the time."""
        line = json.dumps({"when": datetime.now(UTC).isoformat(timespec="seconds"), **entry})
        self._keep(partial(_append, self.folder / AUDIT_FILE, line + "\n"))

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write()
        except OSError as error:
            log.warning("nothing can be kept in %s: %s", self.folder, error.strerror or error)


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read and is begun anew: %s", path, type(error).__name__)
        return {}
    return content if isinstance(content, dict) else {}
