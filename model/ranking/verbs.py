"""Which words are finite verbs: by their endings, a list of the frequent ones, and the lexicon."""

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
# Endings that hardly any other word has.
_ENDING = re.compile(
    r"\w(?:ó|aba|abas|aban|ábamos|aron|ieron|yeron|jeron|aste|iste|asteis|isteis|aré|eré|iré|arás"
    r"|erás|irás|ará|erá|irá|aremos|eremos|iremos|arán|erán|irán|aríamos|eríamos|iríamos|arían"
    r"|erían|irían|ase|asen|iese|iesen|yese|yesen|ieran|áramos|iéramos|ásemos|iésemos"
    r"|amos|emos|imos|\w[éí])$"
)
# And words that have them all the same.
_OTHERS = frozenset(
    """
    base clase frase fase envase pase además jamás sílaba alba traba triste chiste
    ramos tramos reclamos amos gamos extremos remos supremos últimos mismos primos íntimos racimos
    mínimos décimos legítimos ánimos próximos óptimos máximos anónimos marítimos víctimos
    allí aquí así ahí casi rubí carmesí jabalí frenesí café porqué josé olé puré quinqué corsé bebé
    noé canapé
    """.split()
)
# Pronouns at the end of a verb, and what then is no finite one.
_PRONOUNS = re.compile(r"(?<=[aeionsóéíáú])(?:me|te|se|nos|os)?(?:l[aeo]s?)?$")
INFINITIVE = re.compile(r"[aeií]r(?:l[aeo]s?|me|te|se|nos|os)?$")
_INFINITE = re.compile(r"(?:[aeií]r|ndo)$")
_LEAST_STEM = 3
# Before a word these say that it is a verb, but for an infinitive.
_BEFORE_A_VERB = frozenset("no me te se le les nos os".split())
_ACUTE = "\N{COMBINING ACUTE ACCENT}"


def without_pronouns(word: str) -> list[str]:
    """The stem of a verb (lower case) to which pronouns were added, as it stands and without
    accents: «dígame» → «díga», «diga». Nothing for a word that has none."""
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
    """Knows finite verbs; with a lexicon also those without a telling ending."""

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
        """Whether some of these words in a row is a finite verb, looked at more closely: pronouns
        may be added to it, or a word before it may tell."""
        return any(
            self.is_finite(word)
            or any(map(self.is_finite, without_pronouns(word)))
            or (before in _BEFORE_A_VERB and not _INFINITE.search(word))
            for before, word in zip(["", *words], words, strict=False)
        )
