"""One bot for the tests that watch it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.operating.watching import GREEN_SECONDS, Scene, watched_bot

# What a disk of Windows tells Linux: every regular file is everybody's, and chmod is refused.
_WITHOUT_PERMISSIONS = """
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
static int open_to_all(int failed, struct stat *found) {
    if (!failed && S_ISREG(found->st_mode)) found->st_mode |= 0777;
    return failed;
}
#define REAL(name) ((int (*)())dlsym((void *)-1l, name))  /* RTLD_NEXT */
#define SEEN(name) \\
    int name(const char *path, struct stat *found) { \\
        return open_to_all(REAL(#name)(path, found), found); \\
    }
#define SEEN_OPEN(name) \\
    int name(int file, struct stat *found) { return open_to_all(REAL(#name)(file, found), found); }
#define SEEN_BELOW(name) \\
    int name(int folder, const char *path, struct stat *found, int flags) { \\
        return open_to_all(REAL(#name)(folder, path, found, flags), found); \\
    }
SEEN(stat) SEEN(lstat) SEEN(stat64) SEEN(lstat64)
SEEN_OPEN(fstat) SEEN_OPEN(fstat64)
SEEN_BELOW(fstatat) SEEN_BELOW(fstatat64)
int chmod(const char *path, mode_t mode) { errno = EPERM; return -1; }
"""


@pytest.fixture(scope="session")
def without_permissions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What to set for a program that is to see a file system without permissions."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("disk")
    (folder / "disk.c").write_text(_WITHOUT_PERMISSIONS)
    library = folder / "disk.so"
    subprocess.run(
        [
            compiler,
            "-w",
            "-std=gnu11",
            "-shared",
            "-fPIC",
            "-o",
            library,
            folder / "disk.c",
            "-ldl",
        ],
        check=True,
    )
    return {"LD_PRELOAD": str(library)}


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def watched(
    checkpoints: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("watched")
    async with watched_bot(checkpoints, folder, LITTERAGPT_LOG_FORMAT="json") as scene:
        await scene.watcher.until("readyz", 200, GREEN_SECONDS)
        await scene.discord.synced(GREEN_SECONDS)
        yield scene
        assert "Traceback" not in scene.log.read_text("utf-8")
