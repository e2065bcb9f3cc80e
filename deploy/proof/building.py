"""The stages of a Dockerfile carried out, one root file system for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deploy.proof.context import context_files, copy_into
from deploy.proof.dockerfile import Copy, Stage
from deploy.proof.root import copy_root, make_base, run_in


def build(stages: Sequence[Stage], context: Path, folder: Path) -> Path:
    """Build every stage; the root of the last. The base is made once and kept for the next time."""
    roots: dict[str, Path] = {}
    files = context_files(context)
    for number, stage in enumerate(stages):
        base = folder / ("base-" + stage.base.replace(":", "-").replace("/", "-"))
        made = folder / f"{base.name}.made"
        if not made.exists():
            make_base(stage.base, base)
            made.touch()
        root = folder / f"stage-{number}"
        copy_root(base, root)
        for action in stage.actions:
            (root / action.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
            if not isinstance(action, Copy):
                run_in(root, action.command, action.environment, action.user, action.folder)
            elif action.stage is None:
                copy_into(action, context, files, root)
            else:
                copy_into(action, roots[action.stage], None, root)
        (root / stage.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
        roots[stage.name or str(number)] = root
    return root
