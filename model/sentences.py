"""Where a Spanish sentence ends.

The corpus is split with these rules and a separator token is set between the sentences, so the
decoder learns the boundary; generation applies the same rules as a mask, so that what the decoder
writes splits again into exactly the sentences that were counted.
"""

import re

TERMINALS = frozenset(".!?")
CLOSERS = frozenset("»\")]'")
OPENERS = frozenset("¿¡«\"(['—-")

_LAST_OF_AN_END = TERMINALS | CLOSERS
_BEFORE_A_START = OPENERS | {" "}
# Behind any other character a text stands amid a sentence, wherever that began.
TELLING = _LAST_OF_AN_END | _BEFORE_A_START
_CLOSING_MARKS = "".join(CLOSERS)
_CANDIDATE = re.compile(r"[.!?][»\")\]']*(?= )")
_PENDING = re.compile(r"[.!?][»\")\]']*( [¿¡«\"(\['— -]*)$")
_CLAUSE_END = re.compile(r"(?:[,;:]|(?<!\.)[!?]|(?<= )—)(?= )")
_NO_STOP_AFTER = " ,;:¿¡«\"(['—-"
# So far back a possible end is looked for that lower case might carry on.
WINDOW = 48
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")

# A full stop after one of these, or after a single letter (S. M., D., J. C.), ends no sentence.
# «etc.» is not here: it ends one unless lower case follows, as everywhere.
ABBREVIATIONS = frozenset(
    """
    Sr Sra Srta Sres Sras Srtas Sor Dª Dn Dr Dra Dres Vd Vds Ud Uds Vm Vmd Vmds Vms Fr Excmo Excma
    Exmo Exma Ilmo Ilma Rvdo Rdo Rda Smo Sto Sta Ntra Ntro Mr Mrs Mme Mlle St Lic Ldo Gral Cnel
    Cap cap caps Pág pág págs fol lib Art art Núm núm núms vol vols tom pp Cía ptas cts rs mrs EE
    """.split()
)


def is_abbreviation(text: str) -> bool:
    """Whether the full stop at the end of `text` belongs to an abbreviation or an initial."""
    match = _LAST_WORD.search(text[-16:])
    return match is not None and (len(match[1]) == 1 or match[1] in ABBREVIATIONS)


def may_end(text: str) -> bool:
    """Whether `text` stops where a sentence may stop, its closing marks included."""
    # Asked for every character that is written: no regular expression, which would read it all.
    if not text or text[-1] not in _LAST_OF_AN_END:
        return False
    return text.rstrip(_CLOSING_MARKS)[-1:] in TERMINALS and not is_abbreviation(text)


def starts_sentence(text: str) -> bool | None:
    """Whether `text`, which follows a possible end and a space, begins a new sentence.

    Lower case after the opening marks carries the old sentence on («¡Ay! dijo»); None means that
    only opening marks were seen so far.
    """
    for character in text:
        if character not in OPENERS and character != " ":
            return not character.islower()
    return None


def split_sentences(text: str) -> list[str]:
    """Split normalised text into its sentences; joined with single spaces they give it back."""
    sentences = []
    start = 0
    for candidate in _CANDIDATE.finditer(text):
        end = candidate.end()
        if may_end(text[max(start, end - 24) : end]) and starts_sentence(text[end + 1 : end + 33]):
            sentences.append(text[start:end])
            start = end + 1
    if start < len(text):
        sentences.append(text[start:])
    return sentences


def continues(sentence: str) -> bool:
    """Whether an unfinished sentence stands right behind a possible end, a space and at most
    opening marks, so that only lower case keeps it from splitting in two there."""
    if not sentence or sentence[-1] not in _BEFORE_A_START:
        return False
    match = _PENDING.search(sentence[-WINDOW:])
    return match is not None and may_end(sentence[: len(sentence) - len(match[1])])


def clause_ends(sentence: str, least: int) -> list[int]:
    """Where a sentence that runs on may be closed, last place first: before the comma, semicolon,
    colon or dash, or behind the inner `!` or `?`, that ends a clause, from index `least` on."""
    ends = []
    for match in _CLAUSE_END.finditer(sentence, max(0, least - 1)):
        mark = match.start()
        end = mark + 1 if sentence[mark] in TERMINALS else mark
        if end >= least:
            ends.append(end)
    return ends[::-1]


def close_sentence(sentence: str, least: int = 0) -> str:
    """End a sentence that runs on: cut it at its last clause boundary and set a full stop.

    Nothing before index `least` is cut. Without a clause boundary there the cut is between words,
    and without a space it is where the sentence stands. The result satisfies `may_end`.
    """
    spaces = [index for index in range(len(sentence) - 1, least - 1, -1) if sentence[index] == " "]
    for end in (*clause_ends(sentence, least), *spaces):
        cut = sentence[:end]
        closed = cut if cut and cut[-1] in TERMINALS else cut + "."
        if end > 0 and cut[-1] not in _NO_STOP_AFTER and may_end(closed):
            return closed
    return sentence[: max(least, len(sentence.rstrip(_NO_STOP_AFTER)))] + "..."
