"""The build context: the files that .dockerignore lets through."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from docker.utils.build import exclude_paths

from deploy.proof.dockerfile import Copy


def context_files(folder: Path) -> set[PurePosixPath]:
    """The files and folders that a builder is given, as paths inside the folder."""
    lines = (folder / ".dockerignore").read_text("utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return {PurePosixPath(each) for each in exclude_paths(str(folder), patterns) if each}


def matching(source: str, files: set[PurePosixPath]) -> list[PurePosixPath]:
    """The files at or below a source of COPY, without folders' own entries."""
    wanted = PurePosixPath(source)
    return sorted(each for each in files if each == wanted or wanted in each.parents)


def copy_into(step: Copy, origin: Path, files: set[PurePosixPath] | None, root: Path) -> None:
    """Do what COPY does: a folder's content goes into the target, a file below a target folder.

    origin: the context, or the root of another stage, of which `files` is all there is, or all if
    None. Raises FileNotFoundError for a source that is not there.
    """
    target = root / (PurePosixPath(step.folder) / step.target).relative_to("/")
    into_folder = step.target.endswith("/") or len(step.sources) > 1
    for source in step.sources:
        found = origin / source.lstrip("/")
        if files is None:
            shutil.copytree(found, target, symlinks=True, dirs_exist_ok=True)
            continue
        inside = matching(source, files)
        if not inside:
            raise FileNotFoundError(f"{source} is not in the context")
        for each in inside:
            if (origin / each).is_dir():
                continue
            below = each.relative_to(source)
            named = target / each.name if into_folder else target
            place = target / below if found.is_dir() else named
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin / each, place)
