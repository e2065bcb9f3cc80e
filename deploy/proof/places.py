"""Where the proof finds and leaves things, and how it tells what it found."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build" / "proof"


def base_folder(image: str) -> Path:
    """The root file system that stands for an image."""
    return FOLDER / ("base-" + image.replace(":", "-").replace("/", "-"))


def stage_folder(number: int) -> Path:
    """The root file system of a stage of the Dockerfile."""
    return FOLDER / f"stage-{number}"


def report(what: str, found: str) -> None:
    """One line of what was found."""
    print(f"{what:36} {found}", flush=True)
