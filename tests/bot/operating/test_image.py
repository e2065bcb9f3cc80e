"""The image of the Dockerfile, built and run as a container: `make test-image`.

docker and podman run it themselves. An image that buildah has built is mounted and run by chroot,
as root, with the same limits: a read-only root, a volume and no new privileges.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from bot.cli import EXIT_CONFIG
from bot.texts import explain
from deploy.image import BUILD, ImageError, build, find_builder
from model.errors import DeviceError
from tests.bot.operating.watching import free_port
from tests.chaos.people import PHRASE, DiscordRequest, TelegramRequest
from tests.conftest import REPOSITORY
from tests.fakes.discord import FakeDiscord
from tests.fakes.telegram import FakeTelegram

pytestmark = [
    pytest.mark.skipif("TEST_IMAGE" not in os.environ, reason="takes minutes: make test-image"),
    pytest.mark.timeout(1800),  # with debootstrap, on a busy machine
]
TAG = "localhost/litteragpt-test"
VOLUME = "/var/lib/litteragpt"
READY_SECONDS = 120.0
STOP_SECONDS = 20.0  # the default of LITTERAGPT_SHUTDOWN_SECONDS
# $1 is the root of the image, $2 the folder for its volume, the rest a command.
CHROOT = f"""
root=$1; mount --bind "$root" "$root"; mount --bind "$2" "$root{VOLUME}"
for each in proc dev sys; do mount --rbind "/$each" "$root/$each"; done
mount -o remount,bind,ro "$root"; mount -t tmpfs -o size=64m,mode=1777 tmpfs "$root/tmp"
shift 2; exec setpriv --no-new-privs "$@"
"""


@dataclass(frozen=True)
class Container:
    """How to run commands in an image; every command has a container of its own.

    config: User, Env, Cmd, ... of the image.
    root: the files of the image where buildah has mounted them.
    state: the folder for the volume.
    """

    builder: str
    config: dict[str, Any]
    root: Path | None
    state: Path

    def command(self, *command: str, user: str = "", **settings: str) -> list[str]:
        """The arguments that run a command in the image, on the network of this machine."""
        user = user or self.config["User"]
        assigned = [f"{name}={value}" for name, value in settings.items()]
        if self.root is not None:
            return [
                *(
                    "unshare",
                    "--mount",
                    "sh",
                    "-euc",
                    CHROOT,
                    "sh",
                    str(self.root),
                    str(self.state),
                ),
                *("chroot", f"--userspec={user}", "--groups=", str(self.root)),
                *("/usr/bin/env", "-i", f"--chdir={self.config['WorkingDir']}"),
                *(*self.config["Env"], *assigned, *command),
            ]
        return [
            *(self.builder, "run", "--rm", "--init", "--network=host", "--read-only"),
            *("--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
            *(f"--volume={self.state}:{VOLUME}", f"--user={user}"),
            *(*(f"--env={each}" for each in assigned), f"--entrypoint={command[0]}"),
            *(TAG, *command[1:]),
        ]

    async def run(self, *command: str, user: str = "", **settings: str) -> tuple[int, str, str]:
        """Run a command to its end: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*command, user=user, **settings),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    async def files(self, folder: str) -> set[str]:
        """The paths of the files in a folder of the image, relative to it."""
        code, output, errors = await self.run("find", folder, "-type", "f", "-printf", "%P\n")
        assert code == 0, errors
        return set(output.splitlines())


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def builder() -> str:
    try:
        builder = find_builder()
    except ImageError as error:
        pytest.skip(str(error))
    if builder == "buildah" and os.geteuid() != 0:
        pytest.skip("an image of buildah is mounted and run as root")
    build(builder, TAG)
    return builder


@pytest.fixture(scope="module")
def image(builder: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    state = tmp_path_factory.mktemp("image")
    if builder != "buildah":
        (found,) = json.loads(output_of(builder, "inspect", "--type=image", TAG))
        yield Container(builder, found["Config"], None, state)
        return
    config = json.loads(output_of(builder, "inspect", "--type=image", TAG))["Docker"]["config"]
    name = output_of(builder, "from", TAG)
    try:
        yield Container(builder, config, Path(output_of(builder, "mount", name)), state)
    finally:
        output_of(builder, "rm", name)


@pytest.fixture
def container(image: Container, tmp_path: Path) -> Container:
    """A container with an empty volume that its user may write."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    return replace(image, state=state)


def test_image_keeps_its_configuration(image: Container) -> None:
    assert image.config["User"] == "10001:10001"
    assert image.config["Entrypoint"] == ["litteragpt"]
    assert image.config["Cmd"] == ["bot"]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "litteragpt", "health"]
    assert image.config["StopSignal"] == "SIGTERM"
    assert list(image.config["Volumes"]) == [VOLUME]


async def test_only_the_volume_and_tmp_are_writable(container: Container) -> None:
    _, who, _ = await container.run("id", "-u")
    assert f"{who.strip()}:{who.strip()}" == container.config["User"]
    code, _, errors = await container.run("touch", "/app/new", user="0:0")
    assert code != 0
    assert "Read-only" in errors
    code, _, errors = await container.run("touch", "/tmp/new", f"{VOLUME}/new")  # noqa: S108
    assert code == 0, errors
    assert (container.state / "new").exists()


async def test_package_files_are_installed(container: Container) -> None:
    version = "python3.11"
    installed = await container.files(f"/app/lib/{version}/site-packages")
    left_out = ("*.c", "*.h", "*.so", "*.pyc", "*/.env")
    expected = {
        str(each.relative_to(REPOSITORY))
        for package in ("bot", "model", "training", "checkpoints")
        for each in (REPOSITORY / package).rglob("*")
        if each.is_file() and not any(fnmatch(str(each), pattern) for pattern in left_out)
    }
    assert "checkpoints/small/model.safetensors" in expected
    assert not expected - installed
    assert any(fnmatch(name, "model/native/_kernel*.so") for name in installed)


async def test_pip_secrets_stay_out_of_the_image(container: Container) -> None:
    for path in ("/etc/pip.conf", "/run/secrets/certificates"):
        code, _, _ = await container.run("test", "-s", path)
        assert code == 1, path


async def test_dockerignore_keeps_secrets_out(image: Container, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / ".dockerignore", tmp_path)
    kept = {"bot/cli.py", "checkpoints/small/config.json"}
    secret = {".env", "bot/.env", "state/litteragpt.db", ".git/config", "bot/__pycache__/cli.pyc"}
    for name in (*kept, *secret, "model/native/_kernel.so", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Dockerfile").write_text(f"FROM {TAG}\nUSER 0\nCOPY . /app/context\n")
    probe = f"{TAG}-context"
    output_of(*BUILD[image.builder], f"--tag={probe}", str(tmp_path))
    if image.root is None:
        command = ("run", "--rm", "--entrypoint=find", probe, "/app/context", "-type", "f")
        found = output_of(image.builder, *command)
        copied = {each.removeprefix("/app/context/") for each in found.splitlines()}
    else:
        name = output_of(image.builder, "from", probe)
        context = Path(output_of(image.builder, "mount", name), "app", "context")
        copied = {str(each.relative_to(context)) for each in context.rglob("*") if each.is_file()}
        output_of(image.builder, "rm", name)
    assert kept <= copied <= {*kept, "Dockerfile", ".dockerignore"}


async def test_escribe_writes_two_sentences(container: Container) -> None:
    code, output, errors = await container.run(
        "litteragpt", "escribe", PHRASE, "--semilla", "14", "--json"
    )
    assert code == 0, errors
    assert len(json.loads(output)["frases"]) == 2
    code, output, errors = await container.run("litteragpt", "escribe", "En un lugar")
    assert code == 0, errors
    assert output.startswith("En un lugar")


async def test_doctor_finds_no_fault(container: Container) -> None:
    code, output, errors = await container.run(
        "litteragpt", "doctor", LITTERAGPT_METRICS_PORT=str(free_port())
    )
    assert code == 0, output + errors


async def test_unusable_setting_ends_with_78(container: Container) -> None:
    code, output, errors = await container.run("litteragpt", "bot", LITTERAGPT_THREADS="dos")
    assert (code, output) == (EXIT_CONFIG, "")
    assert errors


async def test_missing_pytorch_ends_with_78(container: Container) -> None:
    # With no token and no page, the bot ends before it looks at the engine.
    code, output, errors = await container.run(
        "litteragpt",
        "bot",
        LITTERAGPT_ENGINE="pytorch",
        LITTERAGPT_METRICS_PORT=str(free_port()),
        LITTERAGPT_WEB="true",
    )
    assert (code, output) == (EXIT_CONFIG, "")
    assert errors.splitlines()[-1] == explain(DeviceError("no_torch"))


async def test_bot_answers_and_stops_on_sigterm(container: Container) -> None:
    async with FakeDiscord() as discord, FakeTelegram(flood=False) as telegram:
        settings = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_BASE": discord.api_base,
            "DISCORD_GATEWAY_URL": discord.gateway_url,
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_BASE": telegram.base,
            "LITTERAGPT_METRICS_PORT": str(free_port()),
        }
        health = container.config["Healthcheck"]["Test"][1:]
        code, _, _ = await container.run(*health, **settings)
        assert code == 1
        process = await asyncio.create_subprocess_exec(
            *container.command("litteragpt", *container.config["Cmd"], **settings),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        log = asyncio.create_task(process.communicate())
        try:
            async with asyncio.timeout(READY_SECONDS):
                while (await container.run(*health, **settings))[0] != 0:
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
            await discord.synced(READY_SECONDS)
            await ask(discord, telegram)
            process.terminate()
            code = await asyncio.wait_for(process.wait(), STOP_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
            _, errors = await log
        assert code == 0, errors.decode()[-2000:]
        assert "Traceback" not in errors.decode()
        assert "litteragpt.db" in {each.name for each in container.state.iterdir()}


async def ask(discord: FakeDiscord, telegram: FakeTelegram) -> None:
    """One person on each platform asks and waits for the answer."""
    user = discord.user("Ana", installed=True)
    asked = await discord.slash(user, discord.dm(user), "escribe", frase=PHRASE)
    await DiscordRequest(asked).end()
    person = telegram.user("Ana")
    message = await telegram.say(person, telegram.private(person), f"/escribe {PHRASE}")
    await TelegramRequest(message, telegram).end()
