"""Which words are finite verbs: by their endings, a list of the frequent ones, and the lexicon."""

from __future__ import annotations

import re
from functools import lru_cache

from model.lexicon import Lexicon

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
    r"|erían|irían|ase|asen|iese|iesen|yese|yesen|ieran|áramos|iéramos|ásemos|iésemos)$"
)
# And words that have them all the same.
_OTHERS = frozenset(
    "base clase frase fase envase pase detrás atrás además jamás sílaba alba traba triste chiste "
    "pó oh ó".split()
)


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
