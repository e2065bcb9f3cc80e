"""Our vocabulary and spelling as a tokenizer of the library `tokenizers`.

It gives the ids that `model.tokenizer` gives: the same spelling of quotes, dashes and spaces, a
separator in place of the space between two sentences, one token per character. Only where a rare
letter would be replaced by its plain one (`ã` by `a`) it is left out instead. A style is asked for
by its mark in front of the text (`<|galdos|>`), without special tokens.

https://huggingface.co/docs/tokenizers/components
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import AddedToken, Regex, decoders, models, normalizers, processors
from tokenizers import Tokenizer as HFTokenizer

from model.exchange.qwen3 import token_names
from model.sentences import ABBREVIATIONS, CLOSERS, OPENERS, TERMINALS
from model.text import FOLDS, SAME
from model.tokenizer import Tokenizer

_LETTER = re.compile(r"[^\W\d_]")


def hf_tokenizer(tokenizer: Tokenizer) -> HFTokenizer:
    """The tokenizer whose file is `tokenizer.json` in Hugging Face's sense."""
    names = token_names(tokenizer)
    # Without merges every character stays a token, and what has no token is left out.
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
    """What `Tokenizer.represent` and `encode` do to a text, step by step."""
    steps: list[normalizers.Normalizer] = [normalizers.NFC()]
    for plain in dict.fromkeys(SAME.values()):
        odd = _one_of(each for each, folded in SAME.items() if folded == plain)
        steps.append(normalizers.Replace(Regex(odd), plain))
    steps.append(normalizers.Replace(Regex(r"[\s\p{Z}]"), " "))
    steps.append(normalizers.Replace(Regex(_one_of(tokenizer.characters, negated=True)), ""))
    for pattern, plain in FOLDS:
        steps.append(normalizers.Replace(Regex(pattern.pattern), plain))
    steps.append(normalizers.Strip())
    steps.append(normalizers.Replace(Regex(_boundary(tokenizer)), "\n"))
    return steps


def _boundary(tokenizer: Tokenizer) -> str:
    """The space between two sentences, where `model.sentences.split_sentences` finds it.

    A full stop right behind a letter ends a sentence unless the word is an abbreviation or a single
    letter, so the pattern takes the word too and `\\K` keeps it out of what is replaced. What
    begins the next sentence is anything but lower case, whatever opening marks come before.
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
    """A class of characters, in the syntax that Python and Oniguruma share."""
    return f"[{'^' if negated else ''}{re.escape(''.join(characters))}]"
