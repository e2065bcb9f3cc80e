"""What the terminal shows: the command line, the settings and the console chat; Spanish only."""

TEXTS = {
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
    "el motor {engine} y {threads} hilos.",
    "native": "nativo",
    "pytorch": "pytorch",
    "status": "En curso y en cola: {pending}. Respondidas: {answered}. Reinicios del motor: "
    "{restarts}. Encendido desde hace {uptime}. Velocidad de la última: {speed}.",
    "reloaded": "Modelo cargado en {seconds:.1f} s: de {old} a {new}.",
    "not_reloaded": "Sigo con {old}. {error}",
    "goodbye": "Hasta otra.",
    "not_started": "El motor de escritura no arranca; el registro dice por qué.",
    "restarted": "[el motor se ha reiniciado; vuelvo a empezar]",
    "cancelled": "[cancelado]",
}
