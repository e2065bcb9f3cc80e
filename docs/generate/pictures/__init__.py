"""The pictures of the README, made from what the program really says: `make pictures`.

`terminal` runs a command in a terminal of its own; `conversations` has people talk to the running
bot on the servers of `tests/fakes/`; `chat` and `drawing` set what they saw as SVG. Seeds are fixed
and the native kernel's texts do not depend on the machine, so the pictures come out the same.
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
