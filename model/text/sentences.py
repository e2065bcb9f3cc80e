"""Sentence boundaries in Spanish.

These rules split the corpus, with a separator token between sentences, so the decoder learns the
boundary. Generation applies them as a mask, so that its text splits again into exactly the counted
sentences.
"""

import re

TERMINALS = frozenset(".!?")
CLOSERS = frozenset("»\")]'")
OPENERS = frozenset("¿¡«\"(['—-")
BEHIND_A_WORD = frozenset(" ,;:.!?")

_LAST_OF_AN_END = TERMINALS | CLOSERS
_BEFORE_A_START = OPENERS | {" "}
# After any other character a text is inside a sentence, independent of the rest.
TELLING = _LAST_OF_AN_END | _BEFORE_A_START
_CLOSING_MARKS = "".join(CLOSERS)
_CANDIDATE = re.compile(r"[.!?][»\")\]']*(?= )")
_PENDING = re.compile(r"[.!?][»\")\]']*( [¿¡«\"(\['— -]*)$")
_CLAUSE_END = re.compile(r"(?:[,;:]|(?<!\.)[!?]|(?<= )—)(?= )")
_NO_STOP_AFTER = " ,;:¿¡«\"(['—-"
# How far `continues` looks back for a possible end that lower case would continue.
WINDOW = 48
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")

# A full stop after one of these, or after a single letter (S. M., D., J. C., the p of «p. ej.»),
# ends no sentence. Abbreviations that end sentences in the novels are left out: «etc.», which lower
# case continues as usual, VV. and the second half of EE. UU., and words such as col, da, sor, ven
# and vid.
_IN_EITHER_CASE = """
    Sr Sra Srta Sres Sras Srtas Srs Dn Dña Dñas Dr Dra Dres Drs Dras Vd Vds Ud Uds Vm Vmd Vmds Vms
    Prof Profa Profs Profra Mtro Mtra Mtre Mro Mgr Lic Licdo Licda Ldo Lda Lcdo Lcda Ing Arq Abg
    Abog Dtor Dtora Admr Pdte Secr Srio Gob Mr Mrs Mme Mlle
    Fr Hno Hna Hnos Hnas Rev Rvdo Rvda Rvdos Rvmo Rvma Rdo Rda Revdo Revda Revmo Pbro Presb Mons
    Card Arz Obpo Bto Bta St Sto Sta Stos Stas Stmo Stma Smo Ntro Ntra Ntros Ntras Vble
    Excmo Excma Excmos Excmas Exmo Exma Ilmo Ilma Ilmos Ilmas Iltre Illmo Emmo Emo Sermo Serma
    Magfco Mgfco Afmo Affmo Afma Atto
    Gral Grales Cnel Crnl Tcol Tte Subtte Cap Capt Sgto Sgt Alfz Alm Brig Cte Cdte Cmdte Cmte
    Av Avd Avda Ctra Crta Pza Plza Pl Pje Gta Urb Edif Bda Dpto Depto Prov Mun Edo Dto Dcha Izq
    Izqda Ayto Apdo Cód Tel Teléf Tfno Tlf Cía Admón Fdo Fco
    Ej Ejs Fig Figs Tít Ed Eds Edic Trad Cf Cfr Cit Op Ob Loc Ibíd Ss Sigs Pág Págs Pag Núm Núms Nº
    Nro Nros Fol Fols Vol Vols Fasc Lám Láms Caps Art Arts Párr Bibl Introd Pról Coord Ref Hip
    Aprox Máx Mín Ppdo
""".split()
_AS_THEY_STAND = """
    Sor Da Dª Mª Cª Hº Col Vid Dir tom lib pp ptas cts rs mrs EE SS FF JJ RR HH
    SR SRA SRTA DR DRA EXCMO EXCMA ILMO ILMA
""".split()
ABBREVIATIONS = frozenset(
    (*_AS_THEY_STAND, *_IN_EITHER_CASE, *(word.lower() for word in _IN_EITHER_CASE))
)


def is_abbreviation(text: str) -> bool:
    """Whether the full stop at the end of `text` belongs to an abbreviation or an initial."""
    match = _LAST_WORD.search(text[-16:])
    return match is not None and (len(match[1]) == 1 or match[1] in ABBREVIATIONS)


def may_end(text: str) -> bool:
    """Whether a sentence may end at the end of `text`, after its closing marks."""
    # Called for every generated character: a regular expression would read the whole text.
    if not text or text[-1] not in _LAST_OF_AN_END:
        return False
    return text.rstrip(_CLOSING_MARKS)[-1:] in TERMINALS and not is_abbreviation(text)


def starts_sentence(text: str) -> bool | None:
    """Whether `text`, after a possible end and a space, begins a new sentence.

    Lower case after the opening marks continues the old sentence («¡Ay! dijo»). None if the text
    has only opening marks.
    """
    for character in text:
        if character not in OPENERS and character != " ":
            return not character.islower()
    return None


def split_sentences(text: str) -> list[str]:
    """Split normalised text into sentences; joined with single spaces they are the text."""
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
    """Whether an unfinished sentence ends in a possible end, a space and optional opening marks.

    Only lower case then keeps it from splitting there.
    """
    if not sentence or sentence[-1] not in _BEFORE_A_START:
        return False
    match = _PENDING.search(sentence[-WINDOW:])
    return match is not None and may_end(sentence[: len(sentence) - len(match[1])])


def clause_ends(sentence: str, least: int) -> list[int]:
    """The indices, from `least` on, where a runaway sentence can be cut; last first.

    Before a comma, semicolon, colon or dash, or after an inner `!` or `?`, that ends a clause.
    """
    ends = []
    for match in _CLAUSE_END.finditer(sentence, max(0, least - 1)):
        mark = match.start()
        end = mark + 1 if sentence[mark] in TERMINALS else mark
        if end >= least:
            ends.append(end)
    return ends[::-1]


def close_sentence(sentence: str, least: int = 0) -> str:
    """End a runaway sentence: cut it at its last clause boundary and add a full stop.

    Keeps everything before index `least`. Without a clause boundary it cuts between words, without
    a space at the end. The result satisfies `may_end`.
    """
    spaces = [index for index in range(len(sentence) - 1, least - 1, -1) if sentence[index] == " "]
    for end in (*clause_ends(sentence, least), *spaces):
        cut = sentence[:end]
        closed = cut if cut and cut[-1] in TERMINALS else cut + "."
        if end > 0 and cut[-1] not in _NO_STOP_AFTER and may_end(closed):
            return closed
    return sentence[: max(least, len(sentence.rstrip(_NO_STOP_AFTER)))] + "..."
