"""Where a Spanish sentence ends.

The corpus is split with these rules and a separator token is set between the sentences, so the
decoder learns the boundary; generation applies the same rules as a mask, so that what the decoder
writes splits again into exactly the sentences that were counted.
"""

import re

TERMINALS = frozenset(".!?")
CLOSERS = frozenset("»\")]'")
OPENERS = frozenset("¿¡«\"(['—-")
CLAUSE_MARKS = frozenset(",;:")

_ENDING = re.compile(r"[.!?][»\")\]']*$")
_CANDIDATE = re.compile(r"[.!?][»\")\]']*(?= )")
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")

# A full stop after one of these, or after a single letter (S. M., D., J. C.), ends no sentence.
# «etc.» is not here: it ends one unless lower case follows, as everywhere.
ABBREVIATIONS = frozenset(
    "Sr Sra Srta Sres Sras Srtas Sor Dª Dn Dr Dra Dres Vd Vds Ud Uds Vm Vmd Vmds Vms Fr Excmo Excma "
    "Exmo Exma Ilmo Ilma Rvdo Rdo Rda Smo Sto Sta Ntra Ntro Mr Mrs Mme Mlle St Lic Ldo Gral Cnel "
    "Cap cap caps Pág pág págs fol lib Art art Núm núm núms vol vols tom pp Cía ptas cts rs mrs EE"
    .split()
)


def is_abbreviation(text: str) -> bool:
    """Whether the full stop at the end of `text` belongs to an abbreviation or an initial."""
    match = _LAST_WORD.search(text[-16:])
    return match is not None and (len(match[1]) == 1 or match[1] in ABBREVIATIONS)


def may_end(text: str) -> bool:
    """Whether `text` stops where a sentence may stop, its closing marks included."""
    if not _ENDING.search(text):
        return False
    return not is_abbreviation(text)


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


def last_clause(text: str) -> int:
    """Where to cut a sentence that runs on: the index after its last whole clause, or 0.

    A comma, semicolon or colon ends a clause, and so does an inner `.`, `!` or `?`.
    """
    for index in range(len(text) - 1, 0, -1):
        if text[index] == " " and text[index - 1] in CLAUSE_MARKS | TERMINALS:
            return index - 1
    return 0
