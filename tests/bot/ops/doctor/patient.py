"""A working installation for the doctor to examine, and ways to break it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.ops.doctor import Finding, Grade, examine
from bot.ops.doctor.findings import as_lines
from tests.bot.programs import as_nobody_special, litteragpt
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

SECRET = "clave-de-prueba_0123456789"  # noqa: S105 (of no webhook)


@dataclass
class Patient:
    """A working installation. `set` sets an environment variable."""

    discord: FakeDiscord
    telegram: FakeTelegram
    folder: Path
    models: Path
    set: Callable[[str, str], None]

    @property
    def state(self) -> Path:
        """The store's folder; created on first use."""
        folder = self.folder / "state"
        folder.mkdir(exist_ok=True)
        return folder

    def own_models(self) -> Path:
        """A private copy of the checkpoint `tiny`."""
        shutil.copytree(self.models, self.folder / "models")
        self.set("LITTERAGPT_CHECKPOINTS_DIR", str(self.folder / "models"))
        return self.folder / "models" / "tiny"

    def use_webhook(self, url: str, port: int) -> None:
        """Receive Telegram updates at `url`, listening on `port`."""
        self.set("TELEGRAM_WEBHOOK_URL", url)
        self.set("TELEGRAM_WEBHOOK_SECRET", SECRET)
        self.set("TELEGRAM_WEBHOOK_PORT", str(port))

    async def check(self, break_it: Callable[[Patient], object], grade: Grade, remedy: str) -> None:
        """Assert that `break_it` causes a finding of `grade` whose remedy contains `remedy`, and
        that no finding contains a token."""
        before = await examine()
        assert not remedy or not has_finding(before, grade, remedy)
        break_it(self)
        findings = await examine()
        assert has_finding(findings, grade, remedy), as_lines(findings)
        for each in findings:
            assert each.text.endswith(".")
            assert (each.grade is Grade.GOOD) == (each.remedy == "")
            assert self.discord.token not in each.text + each.remedy
            assert self.telegram.token not in each.text + each.remedy


# The change that breaks the installation, the grade of the finding, and a part of its remedy.
Broken = tuple[Callable[[Patient], object], Grade, str]


def with_settings(**values: str) -> Callable[[Patient], None]:
    """Change settings."""

    def change(patient: Patient) -> None:
        for name, value in values.items():
            patient.set(name, value)

    return change


def has_finding(findings: list[Finding], grade: Grade, remedy: str) -> bool:
    """Whether a finding has this grade and a remedy that contains `remedy`."""
    return any(each.grade is grade and remedy in each.remedy for each in findings)


def run_doctor(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `litteragpt doctor` with the environment of this process."""
    return litteragpt("doctor", *arguments, settings=os.environ, prepare=as_nobody_special)
