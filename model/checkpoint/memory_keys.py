"""The shape of the n-gram memory, and the keys that select its rows.

Hashed n-gram embeddings (Byte Latent Transformer, arXiv 2412.09871; Engram, arXiv 2601.07372): each
table gives one row for the characters, or the words, up to a token. The decoder adds the rows to
the token's embedding and so learns spelling by lookup.

Key version 1, modulo 2^32. `model.pytorch.memory` computes it in PyTorch, `model/native/ngrams.c`
in C; the tests compare both with the plain loop below.

    step(h, s)  = (h ^ s) · 16777619                                  (FNV-1a)
    mix(h)      = h ^= h >> 16; h *= 73244475; the same again; h ^= h >> 16
    row         = mix(h) · rows >> 32

- Characters, order n: h starts at 2166136261 and takes the symbols of the last n tokens, newest
  first. Before the text the symbol is 0.
- A word is a run of at most 20 letter tokens; a longer run is split into words of 20, from its end
  backwards. Its hash starts at 2166136261 and takes the letters, newest first.
- Words, order m: h starts at 2166136261 if the token is a letter, else at its complement, and takes
  the hashes of the last m words, newest first, beginning with the word that the token ends or
  continues. A missing word, or one that ends 64 or more tokens back, counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from reprlib import repr as brief

from model.text.tokenizer import Tokenizer

VERSION = 1
BASIS, PRIME, MULTIPLIER, MASK = 2166136261, 16777619, 73244475, (1 << 32) - 1
WORD_LETTERS = 20
WORD_REACH = 64
# A token's rows depend on at most this many tokens before it.
LOOKBACK = WORD_REACH + WORD_LETTERS
MAX_ORDER = 16
MAX_WORDS = 4
# Symbols of tokens without a character; the symbol of a character is its code point.
START_SYMBOL, SEPARATOR_SYMBOL = 1, 2


@dataclass(frozen=True)
class MemoryConfig:
    """Shape of an n-gram memory. Raises ValueError for invalid values."""

    orders: tuple[int, ...]  # of characters
    words: tuple[int, ...]  # orders of words
    rows: int  # per table
    width: int  # of a row
    symbols: tuple[int, ...]  # per token of the vocabulary
    letters: tuple[int, ...]  # per token of the vocabulary; 0 for a token outside words
    dropout: float = 0.0
    keys: int = VERSION

    def __post_init__(self) -> None:
        for name in ("orders", "words", "symbols", "letters"):  # lists, if from JSON
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))
        if type(self.keys) is not int or self.keys != VERSION:
            raise ValueError(f"memory.keys is {brief(self.keys)}, expected {VERSION}")
        for name, most in {"rows": 1 << 24, "width": 1024}.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"memory.{name} is {brief(value)}, expected 1 to {most}")
        for name, most in {"orders": MAX_ORDER, "words": MAX_WORDS}.items():
            values = getattr(self, name)
            if list(values) != sorted({each for each in values if 1 <= each <= most}):
                expected = f"rising numbers from 1 to {most}"
                raise ValueError(f"memory.{name} is {brief(values)}, expected {expected}")
        if not self.tables:
            raise ValueError("memory.orders and memory.words are empty")
        if type(self.dropout) not in (int, float) or not 0 <= self.dropout < 1:
            raise ValueError(f"memory.dropout is {brief(self.dropout)}, expected 0 to 1")
        if any(not 0 <= each < 1 << 21 for each in (*self.symbols, *self.letters)):
            raise ValueError("memory.symbols and memory.letters must hold code points")

    @classmethod
    def from_json(cls, content: object) -> MemoryConfig:
        """The shape in config.json; raises ValueError."""
        if not isinstance(content, dict):
            raise ValueError("memory must be an object")
        needed = {each.name: each.default is MISSING for each in fields(cls)}
        if foreign := [name for name in content if name not in needed]:
            raise ValueError(f"memory has an unknown entry {brief(foreign[0])}")
        if lacking := [name for name in needed if needed[name] and name not in content]:
            raise ValueError(f"memory.{lacking[0]} is missing")
        return cls(**content)

    @property
    def tables(self) -> int:
        """The number of tables; a token reads one row of each."""
        return len(self.orders) + len(self.words)

    @property
    def inputs(self) -> int:
        """The size of these rows together."""
        return self.tables * self.width


def _numbers(name: str, values: object) -> tuple[int, ...]:
    if not isinstance(values, (list, tuple)) or any(type(each) is not int for each in values):
        raise ValueError(f"memory.{name} must be a list of whole numbers")
    return tuple(values)


def symbols_of(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The symbol of every token; styles share the start symbol."""
    symbols = [ord(piece) if len(piece) == 1 else START_SYMBOL for piece in tokenizer.pieces]
    if tokenizer.marked:
        symbols[tokenizer.separator] = SEPARATOR_SYMBOL
    return tuple(symbols)


def letters_of(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The letter of every token in lower case; 0 for a token that is no letter."""
    folded = (piece.lower() if piece.isalpha() else "" for piece in tokenizer.pieces)
    return tuple(ord(letter) if len(letter) == 1 else 0 for letter in folded)


def rows_of(config: MemoryConfig, tokens: Sequence[int]) -> list[int]:
    """The row of each table for the last of `tokens`, character orders first."""
    symbols = [config.symbols[token] for token in reversed(tokens[-LOOKBACK:])]
    letters = [config.letters[token] for token in reversed(tokens[-LOOKBACK:])]
    symbols += [0] * MAX_ORDER
    hashes = [_hash(BASIS, symbols[:order]) for order in config.orders]
    words = _words(letters, max(config.words, default=0))
    first = BASIS if letters[0] else BASIS ^ MASK
    hashes += [_hash(first, words[:order]) for order in config.words]
    return [_mixed(each) * config.rows >> 32 for each in hashes]


def _words(letters: list[int], count: int) -> list[int]:
    """The hashes of the last `count` words; letters: newest first."""
    hashes, at = [0] * count, 0
    for number in range(count):
        while at < min(len(letters), WORD_REACH) and not letters[at]:
            at += 1
        if at >= min(len(letters), WORD_REACH):
            break
        begin = at
        while at < min(len(letters), begin + WORD_LETTERS) and letters[at]:
            at += 1
        hashes[number] = _hash(BASIS, letters[begin:at])
    return hashes


def _hash(start: int, values: Sequence[int]) -> int:
    for value in values:
        start = (start ^ value) * PRIME & MASK
    return start


def _mixed(value: int) -> int:
    for _ in range(2):
        value = (value ^ value >> 16) * MULTIPLIER & MASK
    return value ^ value >> 16
