"""Boot systemd in a root file system of its own, to run the bot by deploy/litteragpt.service.

    python -m deploy.proof.unit

Everything that the unit shuts is shut, since it is systemd itself that starts the bot. The program
is that of the image, which `make prove-image` has built; only its path in the unit is another.
Needs root and a cgroup v2 hierarchy, and touches neither the systemd nor the network of this
machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from bot.cli import EXIT_CONFIG
from deploy.proof.checks import READY_SECONDS, UnmetError, ask, expect
from deploy.proof.dockerfile import read_stages
from deploy.proof.places import FOLDER, REPOSITORY, base_folder, report, stage_folder
from deploy.proof.root import BASE_ENVIRONMENT, copy_root, run_in
from tests.bot.operating.watching import Watcher, free_port
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

UNIT = "litteragpt.service"
# What would look after the machine's devices, clock, network and terminals, which are not its own.
_MASKED = (
    *("systemd-sysctl", "systemd-udevd", "systemd-udev-trigger", "systemd-modules-load"),
    *("systemd-networkd", "systemd-resolved", "systemd-timesyncd", "systemd-remount-fs"),
    *("systemd-logind", "systemd-binfmt", "getty@tty1", "console-getty"),
)
# $1 is the root, $2 a cgroup for all of it. User namespaces, which the unit asks for, cannot be
# made below chroot: so the root becomes the namespace's own.
_BOOT = """
echo $$ > "$2/cgroup.procs"
exec unshare --cgroup --mount --pid --fork --kill-child --uts --ipc sh -euc '
mount --bind "$1" "$1"; cd "$1"
mount -t proc proc proc; mount --bind proc/sys proc/sys; mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
for each in run tmp dev; do mount -t tmpfs tmpfs "$each"; done
while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir dev/pts dev/shm old; mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm; ln -s pts/ptmx dev/ptmx
pivot_root . old; umount -l old; rmdir old
exec /usr/bin/env --ignore-environment container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --log-target=journal --show-status=no --unit=multi-user.target
' sh "$1"
"""


@dataclass(frozen=True)
class System:
    """A systemd that runs; pid: its process 1, as it is known here."""

    pid: int
    root: Path

    async def call(self, *command: str) -> str:
        """What a command inside says."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", f"--target={self.pid}", "--mount", "--pid", "--root", "--cgroup", "--"),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode().strip()

    async def shown(self, *names: str) -> list[str]:
        """Properties of the unit."""
        return [await self.call("systemctl", "show", "--value", "-P", name, UNIT) for name in names]

    def write_settings(self, settings: Mapping[str, str]) -> None:
        """The file that the unit names."""
        file = self.root / "etc" / "litteragpt" / "env"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        file.chmod(0o600)


def make_system(root: Path) -> None:
    """A root file system with systemd, the image's program and the unit."""
    stages = read_stages(REPOSITORY / "Dockerfile", BASE_ENVIRONMENT)
    program = stage_folder(len(stages) - 1) / "app"
    if not program.exists():
        sys.exit("There is no image whose program could be run: make prove-image")
    copy_root(base_folder(stages[-1].base), root)
    packages = "systemd systemd-sysv libnss-systemd"
    install = f"apt-get update && apt-get install --yes --no-install-recommends {packages}"
    run_in(root, ["/bin/sh", "-c", install], BASE_ENVIRONMENT, "root", "/")
    copy_root(program, root / "app")
    text = (REPOSITORY / "deploy" / UNIT).read_text("utf-8")
    units = root / "etc" / "systemd" / "system"
    (units / UNIT).write_text(text.replace("/opt/litteragpt/bin", "/app/bin"))
    for name in _MASKED:
        (units / f"{name}.service").symlink_to("/dev/null")
    (root / "etc" / "litteragpt").mkdir(mode=0o700)


@asynccontextmanager
async def booted(root: Path) -> AsyncIterator[System]:
    """A systemd that runs in this root, until the end of the context."""
    cgroup = _cgroups() / "litteragpt-proof"
    cgroup.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", _BOOT, "sh", str(root), str(cgroup)), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield System(await _first_process(process.pid), root)
    finally:
        process.kill()  # and with it all of the namespace
        await process.wait()
        await asyncio.sleep(1)
        for each in sorted(cgroup.rglob("*/"), key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                each.rmdir()
        with contextlib.suppress(OSError):
            cgroup.rmdir()


async def check(system: System) -> None:
    """See everything; raises UnmetError."""
    port = free_port()
    async with (
        FakeDiscord() as discord,
        FakeTelegram(flood=False) as telegram,
        aiohttp.ClientSession() as session,
    ):
        settings = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_BASE": telegram.base,
            "LITTERAGPT_METRICS_PORT": str(port),
        }
        system.write_settings(settings)
        watcher = Watcher(port, session)
        await system.call("systemctl", "start", UNIT)
        report("ready", str(await watcher.until("readyz", 200, READY_SECONDS)))
        await discord.synced(READY_SECONDS)
        await ask(discord, telegram)
        report("answers", "one on each platform")
        state = await system.call("stat", "--format=%U %a", "/var/lib/litteragpt/litteragpt.db")
        expect(state == "litteragpt 600", state)

        await system.call("systemctl", "kill", "--signal=KILL", "--kill-whom=main", UNIT)
        await _until(system, "NRestarts", "1")
        await watcher.until("readyz", 200, READY_SECONDS)
        report("killed", "started again")

        await system.call("systemctl", "stop", UNIT)
        ended = await system.shown("Result", "ExecMainStatus", "ActiveState")
        expect(ended == ["success", "0", "inactive"], str(ended))
        report("systemctl stop", "exit code 0, result success")

        system.write_settings(settings | {"LITTERAGPT_THREADS": "dos"})
        await system.call("systemctl", "start", UNIT)
        await _until(system, "ActiveState", "failed")
        await asyncio.sleep(10)  # twice RestartSec
        ended = await system.shown("ExecMainStatus", "NRestarts", "ActiveState")
        expect(ended == [str(EXIT_CONFIG), "0", "failed"], str(ended))
        report("a setting that cannot work", f"exit code {ended[0]}, not started again")


def _cgroups() -> Path:
    """Where the cgroup v2 hierarchy is mounted."""
    partitions = psutil.disk_partitions(all=True)
    (place,) = {each.mountpoint for each in partitions if each.fstype == "cgroup2"}
    return Path(place)


async def _until(system: System, name: str, value: str) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while await system.shown(name) != [value]:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.1)


async def _first_process(outside: int) -> int:
    """The namespace's process 1, once it is systemd and has done what it does at the start."""
    ask_state = ("systemctl", "is-system-running")
    async with asyncio.timeout(READY_SECONDS):
        while True:
            for each in psutil.Process(outside).children():
                system = System(each.pid, Path("/"))
                if each.name() == "systemd" and await system.call(*ask_state) == "running":
                    return each.pid
            await asyncio.sleep(0.1)


def main() -> int:
    """The exit code."""
    root = FOLDER / "systemd"
    make_system(root)

    async def prove() -> None:
        async with booted(root) as system:
            report("systemd", (await system.call("systemctl", "--version")).splitlines()[0])
            try:
                await check(system)
            except (UnmetError, TimeoutError, AssertionError):
                print(await system.call("journalctl", "--no-pager", "--lines=40", "--unit", UNIT))
                raise

    asyncio.run(prove())
    print("nothing is wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
