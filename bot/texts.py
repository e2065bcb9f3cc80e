"""Everything a reader is told, in Spanish. Code asks for a text by its key and fills in values."""

from __future__ import annotations

from model.errors import CodedError

QUOTED = 60  # characters

TEXTS = {
    # what a person asked for
    "empty": "La frase está vacía: escriba una palabra o una frase para que yo la continúe.",
    "unwritable": "De esa frase no puedo escribir ningún carácter: use letras del español.",
    "too_long": "La frase tiene {length} caracteres y admito hasta {limit}: acórtela, por favor.",
    "sentences": "Puedo escribir de {least} a {most} frases, no {value}.",
    "temperature": "La temperatura va de {least:g} a {most:g}, y no puede ser {value}.",
    "top_p": "La probabilidad acumulada va de {least:g} a {most:g}, y no puede ser {value}.",
    "seed": "La semilla es un número entero de {least} a {most}, y no puede ser {value}.",
    "sentence_limit": "El límite por frase va de {least} a {most} caracteres, no {value}.",
    "style": "No conozco el estilo «{value}». Puedo escribir como: {known}.",
    "style_none": "Este modelo no distingue autores: pida la frase sin estilo.",
    # notices that go with an answer
    "dropped": "No pude escribir estos caracteres y los he omitido: {characters}",
    "truncated": "Una frase se alargaba demasiado y la he cerrado en su última pausa.",
    "truncated_many": "{count} frases se alargaban demasiado y las he cerrado en su última pausa.",
    # the executor
    "queue_full": "Hay demasiadas peticiones en cola ({limit}): espere un momento y repita.",
    "worker_lost": "El motor de escritura se ha interrumpido varias veces con esta petición; "
    "repítala dentro de un momento.",
    "unavailable": "El motor de escritura no está disponible ahora mismo; repita en un momento.",
    "not_started": "El motor de escritura no arranca; el registro dice por qué.",
    "restarted": "[el motor se ha reiniciado; vuelvo a empezar]",
    "cancelled": "[cancelado]",
    "no_cuda": "No encuentro ninguna GPU con CUDA: use LITTERAGPT_DEVICE=auto o cpu.",
    # checkpoints
    "unknown": "No hay ningún modelo «{name}» en {folder}; hay: {known}.",
    "no_folder": "No existe la carpeta {file}; un modelo es una carpeta con model.safetensors.",
    "missing": "Falta {file}: el modelo no está completo.",
    "unreadable": "No puedo leer {file} ({reason}).",
    "not_json": "{file} no es un archivo JSON completo.",
    "content": "{file} no es de un modelo de este programa: {problem}.",
    "vocabulary": "{file} tiene un vocabulario de {found} y config.json espera {expected}.",
    "not_weights": "{file} está cortado o no es un archivo safetensors; no leo otra cosa.",
    "tensor": "{file}: el tensor {tensor} es {found} y se esperaba {expected}.",
    # settings and the command line
    "setting": "{name}: «{value}» no vale; {expected}.",
    "setting_file": "No puedo leer el archivo .env: {error}.",
    "setting_unknown": "Aviso: no conozco el ajuste {name}{hint}; no lo tengo en cuenta.",
    "usage": "No entiendo la orden: {problem}. Pruebe «litteragpt --help».",
    "not_integer": "«{value}» no es un número entero",
    "not_number": "«{value}» no es un número",
    "no_option": "no existe la opción {name}",
    "no_command": "no existe esa orden",
    "missing_argument": "falta {name}",
    "system": "El sistema no me deja seguir: {error}.",
    # the console
    "welcome": "LitteraGPT, modelo {name}. Escriba una frase y la continúo; /ayuda muestra las "
    "órdenes y /salir termina.",
    "help": """\
/escribe <frase>       continúo la frase con {sentences} frases (basta con escribir la frase)
/recargar [modelo]     cambio de modelo, o vuelvo a cargar el que hay
/modelo                qué modelo escribe
/estado                cómo va el trabajo
/ayuda                 esta ayuda
/salir                 termino""",
    "no_phrase": "Escriba la frase detrás de /escribe, por ejemplo: /escribe En un lugar",
    "no_such_command": "No conozco {command}; /ayuda muestra las órdenes.",
    "model": "Modelo {name} ({id}): {parameters} parámetros, {loss}; corre en {device} con "
    "{threads} hilos.",
    "loss": "pérdida {loss:.4f} nats por carácter",
    "loss_unknown": "sin pérdida medida",
    "status": "En curso y en cola: {pending}. Respondidas: {answered}. Reinicios del motor: "
    "{restarts}. Encendido desde hace {uptime}. Velocidad de la última: {speed}.",
    "speed": "{speed:.0f} caracteres por segundo",
    "speed_unknown": "aún no medida",
    "reloaded": "Modelo cargado en {seconds:.1f} s: de {old} a {new}.",
    "not_reloaded": "Sigo con {old}. {error}",
    "goodbye": "Hasta otra.",
}


def say(key: str, **values: object) -> str:
    """The text called `key` with its values filled in."""
    return TEXTS[key].format(**values)


def explain(error: CodedError) -> str:
    """What went wrong and what would be right, as one sentence."""
    values = dict(error.values)
    for name in ("value", "name"):
        if isinstance(typed := values.get(name), str):
            values[name] = shorten(typed)
    if error.code == "style":
        known = values["known"]
        if not known:
            return say("style_none")
        values["known"] = ", ".join(known) if isinstance(known, (list, tuple)) else known
    return say(error.code, **values)


def shorten(typed: str) -> str:
    """What somebody typed, fit to be quoted in a sentence: one line, and not an endless one."""
    line = " ".join(typed.split())
    return line if len(line) <= QUOTED else line[:QUOTED] + "..."


def notices(dropped: tuple[str, ...], truncated: int) -> list[str]:
    """What a reader should know about an answer besides its text."""
    told = []
    if dropped:
        shown = " ".join(dict.fromkeys(dropped))
        told.append(say("dropped", characters=shorten(shown)))
    if truncated:
        key = "truncated" if truncated == 1 else "truncated_many"
        told.append(say(key, count=truncated))
    return told
