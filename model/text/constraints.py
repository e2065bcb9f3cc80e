"""Constraints on the next token, and the logit masks that enforce them.

Under these constraints a generated text splits again into exactly the sentences that the sequence
counted.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from model.arrays import Floats
from model.text.sentences import BEHIND_A_WORD, OPENERS
from model.text.tokenizer import Tokenizer


class Constraint(IntEnum):
    """Which tokens may come next."""

    INSIDE = 0  # anything but the separator
    MAY_END = 1  # the separator too
    CONTINUES = 2  # after a possible end that did not end: opening marks or lower case
    STARTS = 3  # a new sentence: opening marks, capitals, digits
    COMPLETE = 4  # after a whole word: a space, or a mark that directly follows a word


def constraint_masks(tokenizer: Tokenizer) -> Floats:
    """The mask that each Constraint adds to the logits: 0 or -inf, (constraints, V)."""
    masks = np.zeros((len(Constraint), tokenizer.size), np.float32)
    masks[:, list(tokenizer.markers)] = -np.inf
    masks[[Constraint.CONTINUES, Constraint.STARTS], tokenizer.separator] = -np.inf
    if tokenizer.marked:
        masks[[Constraint.INSIDE, Constraint.COMPLETE], tokenizer.separator] = -np.inf
    for character, token in tokenizer.character_ids.items():
        if character not in BEHIND_A_WORD:
            masks[Constraint.COMPLETE, token] = -np.inf
        opens = character in OPENERS
        if not (opens or character.islower()):
            masks[Constraint.CONTINUES, token] = -np.inf
        if not (opens or character.isupper() or character.isdigit() or character == "»"):
            masks[Constraint.STARTS, token] = -np.inf
    return masks
