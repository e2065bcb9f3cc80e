"""The vocabulary and normalization as a tokenizer of the library `tokenizers`.

It gives the ids of `model.text.tokenizer`: the same normalization of quotes, dashes and spaces, a
separator for the space between two sentences, one token per character. One difference: a symbol for
a letter (`𝓐` for `A`) is dropped instead of replaced. A style is selected by its mark in front of
the text (`<|galdos|>`), without special tokens.

https://huggingface.co/docs/tokenizers/components
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, decoders, models, normalizers, processors
from tokenizers import Tokenizer as HFTokenizer

from model.exchange.qwen3 import token_names
from model.text.normalize import FOLDS, SAME, nearest
from model.text.sentences import ABBREVIATIONS, CLOSERS, OPENERS, TERMINALS
from model.text.tokenizer import Tokenizer

_LETTER = re.compile(r"[^\W\d_]")
_LATIN = (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))  # letters with marks, in Unicode's blocks


def hf_tokenizer(tokenizer: Tokenizer) -> HFTokenizer:
    """The tokenizer to save as Hugging Face's `tokenizer.json`."""
    names = token_names(tokenizer)
    # Without merges every character stays a token; characters without a token are dropped.
    made = HFTokenizer(models.BPE(vocab={name: id for id, name in enumerate(names)}, merges=[]))
    made.normalizer = normalizers.Sequence(_spelling(tokenizer))
    start = names[tokenizer.start]
    made.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.start)]
    )
    made.decoder = decoders.Sequence(
        [decoders.Replace(names[tokenizer.separator], " "), decoders.Fuse()]
    )
    made.add_special_tokens([AddedToken(names[id], normalized=False) for id in tokenizer.markers])
    return made


def _spelling(tokenizer: Tokenizer) -> list[normalizers.Normalizer]:
    """The steps of `Tokenizer.represent` and `encode`."""
    steps: list[normalizers.Normalizer] = [normalizers.NFC()]
    same = SAME | _plain_letters(tokenizer)
    for plain in dict.fromkeys(same.values()):
        odd = _one_of(each for each, folded in same.items() if folded == plain)
        steps.append(normalizers.Replace(Regex(odd), plain))
    folds = [normalizers.Replace(Regex(each.pattern), plain) for each, plain in FOLDS]
    steps.append(normalizers.Replace(Regex(r"[\s\p{Z}]"), " "))
    steps.append(normalizers.Replace(Regex(r"[\p{C}\p{M}]"), ""))
    steps += folds
    steps.append(normalizers.Replace(Regex(_one_of(tokenizer.characters, negated=True)), ""))
    steps += folds
    steps.append(normalizers.Strip())
    steps.append(normalizers.Replace(Regex(_boundary(tokenizer)), "\n"))
    return steps


def _plain_letters(tokenizer: Tokenizer) -> dict[str, str]:
    """Replacements for Latin letters that the vocabulary lacks: `a` for `ã`."""
    lacking = [chr(code) for code in _LATIN if chr(code) not in tokenizer.character_ids]
    plain = {each: nearest(each) for each in lacking}
    return {
        each: near
        for each, near in plain.items()
        if near and not set(near) - set(tokenizer.characters)
    }


def _boundary(tokenizer: Tokenizer) -> str:
    """A pattern for the space between sentences, equal to `model.text.sentences.split_sentences`.

    A full stop directly after a letter ends a sentence unless the word is an abbreviation or a
    single letter, so the pattern matches the word too, and `\\K` excludes it from the replacement.
    The next sentence begins with anything but lower case, after optional opening marks.
    """
    letter = _one_of(filter(_LETTER.match, tokenizer.characters))
    abbreviation = "|".join(map(re.escape, sorted(ABBREVIATIONS)))
    closers = _one_of(sorted(CLOSERS))
    others = _one_of(sorted(TERMINALS - {"."}))
    starters = _one_of(
        each
        for each in tokenizer.characters
        if not (each in OPENERS or each in " " or each.islower())
    )
    word = rf"(?<!{letter})(?!(?:{letter}|{abbreviation})\.){letter}+\."
    end = rf"(?:{others}|\.(?={closers})|(?<!{letter})\.|{word}){closers}*"
    return rf"{end}\K (?=[{re.escape(''.join(sorted(OPENERS)))} ]*{starters})"


def _one_of(characters: Iterable[str], *, negated: bool = False) -> str:
    """A character class, in the syntax common to Python and Oniguruma."""
    return f"[{'^' if negated else ''}{re.escape(''.join(characters))}]"
