"""A library to preload that imitates a file system without permissions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

# As on a mounted Windows file system: every regular file has mode 0777, and chmod fails.
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


def build_library(folder: Path) -> Path | None:
    """Compile the library into `folder`; None without Linux or a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        return None
    source, library = folder / "disk.c", folder / "disk.so"
    source.write_text(_WITHOUT_PERMISSIONS)
    options = ["-w", "-std=gnu11", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", library, source, "-ldl"], check=True)
    return library
