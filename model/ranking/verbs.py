"""Finite verbs: known by ending, from a list of frequent ones, and from the lexicon."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from model.checkpoint.lexicon import Lexicon

_FREQUENT = frozenset(
    """
    soy eres es somos sois son era eras éramos eran fui fuiste fue fuimos fueron seré será serán
    sería serían sea seas seamos sean fuera fueras fueran fuese fuesen sé estoy estás está
    estamos estáis están estaba estaban estuvo estuvieron esté estén he has ha hemos habéis han
    había habías habíamos habían hubo hubieron habrá habrán habría habrían haya hayas hayan
    hubiera hubieran hubiese hubiesen hay tengo tienes tiene tenemos tenéis tienen tenía tenían
    tuvo tuvieron tenga tengan voy vas va vamos vais van iba ibas íbamos iban vaya vayan hago
    haces hace hacemos hacen hizo hicieron haga hagan digo dices dice decimos dicen dijo dijeron
    diga digan puedo puedes puede podemos pueden pudo pudieron pueda puedan quiero quieres
    quiere queremos quieren quiso quisieron quiera quieran sabes sabe sabemos saben supo
    supieron sepa sepan veo ves ve vemos ven vio vieron vea vean doy das da damos dan dio dieron
    dé den vengo vienes viene vienen vino vinieron venga vengan pongo pone ponen puso pusieron
    ponga pongan salgo sale salen salió creo cree creen parece parecen debo debe deben llueve
    """.split()
)
# Endings that are rare in other words.
_ENDING = re.compile(
    r"\w(?:ó|aba|abas|aban|ábamos|aron|ieron|yeron|jeron|aste|iste|asteis|isteis|aré|eré|iré|arás"
    r"|erás|irás|ará|erá|irá|aremos|eremos|iremos|arán|erán|irán|aríamos|eríamos|iríamos|arían"
    r"|erían|irían|ase|asen|iese|iesen|yese|yesen|ieran|áramos|iéramos|ásemos|iésemos"
    r"|amos|emos|imos|\w[éí])$"
)
# Other words with these endings.
_OTHERS = frozenset(
    """
    base clase frase fase envase pase además jamás sílaba alba traba triste chiste
    ramos tramos reclamos amos gamos extremos remos supremos últimos mismos primos íntimos racimos
    mínimos décimos legítimos ánimos próximos óptimos máximos anónimos marítimos víctimos
    allí aquí así ahí casi rubí carmesí jabalí frenesí café porqué josé olé puré quinqué corsé bebé
    noé canapé
    """.split()
)
# Enclitic pronouns, and the non-finite forms before them.
_PRONOUNS = re.compile(r"(?<=[aeionsóéíáú])(?:me|te|se|nos|os)?(?:l[aeo]s?)?$")
INFINITIVE = re.compile(r"[aeií]r(?:l[aeo]s?|me|te|se|nos|os)?$")
_INFINITE = re.compile(r"(?:[aeií]r|ndo)$")
_LEAST_STEM = 3
# A word after these is a verb, finite unless it is an infinitive or a gerund.
_BEFORE_A_VERB = frozenset("no me te se le les nos os".split())
_ACUTE = "\N{COMBINING ACUTE ACCENT}"


def without_pronouns(word: str) -> list[str]:
    """A verb (lower case) without its enclitic pronouns, with and without accents.

    «dígame» → «díga», «diga». Empty for a word without pronouns.
    """
    found = _PRONOUNS.search(word)
    if found is None or not found[0] or found.start() < _LEAST_STEM:
        return []
    verb = word[: found.start()]
    return [verb, unaccented(verb)]


@lru_cache(1 << 14)
def unaccented(word: str) -> str:
    """The word without acute accents."""
    parts = unicodedata.normalize("NFD", word).replace(_ACUTE, "")
    return unicodedata.normalize("NFC", parts)


class Verbs:
    """Recognises finite verbs; with a lexicon also those without a distinctive ending."""

    def __init__(self, lexicon: Lexicon | None) -> None:
        self._lexicon = lexicon
        self.is_finite = lru_cache(1 << 14)(self._is_finite)

    def _is_finite(self, word: str) -> bool:
        """Whether this word (lower case) may be a finite verb."""
        if word in _FREQUENT:
            return True
        if word in _OTHERS:
            return False
        if _ENDING.search(word):
            return True
        return self._lexicon is not None and self._lexicon.may_be_finite(word)

    def has_finite(self, words: list[str]) -> bool:
        """Whether consecutive words contain a finite verb.

        Unlike `is_finite` it also considers enclitic pronouns and the word before.
        """
        return any(
            self.is_finite(word)
            or any(map(self.is_finite, without_pronouns(word)))
            or (before in _BEFORE_A_VERB and not _INFINITE.search(word))
            for before, word in zip(["", *words], words, strict=False)
        )
