"""The stages of a Dockerfile carried out, one root file system for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.proof.context import context_files, copy_into
from deploy.proof.dockerfile import Copy, Stage
from deploy.proof.places import REPOSITORY, base_folder, stage_folder
from deploy.proof.root import copy_root, make_base, run_in


def build(stages: Sequence[Stage]) -> None:
    """Build every stage. The base is made once and kept for the next time."""
    roots: dict[str, Path] = {}
    files = context_files(REPOSITORY)
    for number, stage in enumerate(stages):
        base = base_folder(stage.base)
        made = base.parent / f"{base.name}.made"
        if not made.exists():
            make_base(stage.base, base)
            made.touch()
        root = stage_folder(number)
        copy_root(base, root)
        for action in stage.actions:
            (root / action.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
            if not isinstance(action, Copy):
                run_in(root, action.command, action.environment, action.user, action.folder)
            elif action.stage is None:
                copy_into(action, REPOSITORY, files, root)
            else:
                copy_into(action, roots[action.stage], None, root)
        (root / stage.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        roots[stage.name or str(number)] = root
