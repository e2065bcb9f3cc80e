"""The pictures of the README, made from the program's real output: `make docs-pictures`.

`terminal` runs a command in a pseudo-terminal; `conversations` talks to the running bot on the
servers of `tests/fakes/`; `chat` and `drawing` render the output as SVG. Seeds are fixed and the
native kernel's texts do not depend on the machine, so the pictures are reproducible.
"""

from __future__ import annotations

from model.text.prompt import STANDARD_CANDIDATES
from tests.bot.programs import plain_environment


def surroundings() -> dict[str, str]:
    """This process's environment, with the native kernel and as many candidates as a short seed
    stands for, however fast this machine is."""
    return plain_environment() | {
        "LITTERAGPT_ENGINE": "native",
        "LITTERAGPT_DEVICE": "cpu",
        "LITTERAGPT_CANDIDATES": str(STANDARD_CANDIDATES),
    }
