"""Spanish texts for the terminal: command line, settings and console chat."""

TEXTS = {
    # settings and the command line
    "setting": "{name}: «{value}» no vale; {expected}.",
    "setting_missing": "{name}: {expected}.",
    "setting_file": "No puedo leer el archivo .env: {error}.",
    "setting_encoding": "No puedo leer el archivo .env, porque no está en UTF-8: guárdelo otra vez "
    "con esa codificación.",
    "setting_line": "No entiendo la línea {number} del archivo .env: se espera NOMBRE=valor.",
    "setting_exposed": "Cualquier usuario de esta máquina puede leer los tokens de {file}: "
    "ejecute «chmod 600 {file}», o quítelos de ahí y póngalos en el entorno.",
    "no_front_end": "No hay a quién atender: faltan DISCORD_TOKEN y TELEGRAM_TOKEN en el "
    "entorno y {searched}, y sin terminal no se puede conversar. {remedy}",
    "no_front_end_searched": "en {file}",
    "no_front_end_missing": "no hay ningún {file}",
    "no_front_end_setup": "Póngalos con «{program} setup» en esa misma carpeta, o encienda la "
    "página con «{program} web».",
    "no_front_end_misnamed": "En esa carpeta hay un archivo .env.txt: llámelo .env.",
    "no_ray": "Para LITTERAGPT_EXECUTOR=ray falta Ray: instálelo con pip install "
    "'litteragpt[cluster]' -c constraints.txt, o quite ese ajuste.",
    # litteragpt cluster
    "no_ray_here": "Falta Ray: instálelo con pip install 'litteragpt[cluster]' -c constraints.txt.",
    "cluster_up": "Clúster encendido en {address}, réplicas: {replicas}. Encienda el bot con "
    "LITTERAGPT_EXECUTOR=ray y RAY_ADDRESS={address}.",
    "cluster_joined": "Este nodo se ha unido al clúster de {address}.",
    "cluster_there": "Ya hay un nodo encendido, del clúster de {address}: apáguelo antes con "
    "«litteragpt cluster down».",
    "cluster_none": "No hay ningún nodo encendido con «litteragpt cluster up».",
    "cluster_down": "Nodo del clúster de {address} apagado.",
    "cluster_status": "Clúster de {address}, modelo {model}",
    "cluster_not_started": "Ray no ha podido encender el nodo; dice por qué en {log}.",
    "cluster_not_deployed": "Ray no ha podido poner en marcha las réplicas; dice por qué en {log}.",
    "dash_phrase": "; si la frase empieza por un guion, póngala detrás de «--»: {program} escribe "
    '-- "-..."',
    "setting_unknown": "Aviso: no conozco el ajuste {name}{hint}; no lo tengo en cuenta.",
    "usage": "No entiendo la orden: {problem}. Pruebe «{command} --help».",
    "did_you_mean": " (¿quiso decir {name}?)",
    "not_integer": "«{value}» no es un número entero",
    "not_number": "«{value}» no es un número",
    "not_among": "«{value}» no vale; se espera {expected}",
    "no_option": "no existe la opción {name}{hint}",
    "no_command": "no existe la orden {name}{hint}",
    "missing_value": "la opción {name} necesita un valor",
    "too_much": "sobra «{words}»",
    "missing_argument": "falta {name}",
    "system": "El sistema no me deja seguir: {error}.",
    # litteragpt bench
    "bench_engine": "Modelo {name}, motor {engine}, hilos: {threads}",
    "bench_drafts": ", con borradores",
    "bench_speed": "{requests:>2} a la vez: {rate} caracteres por segundo en total; el primero, a "
    "los {first} ms.",
    # platforms that cannot be served: terminal
    "discord_token": "Discord rechaza DISCORD_TOKEN: cópielo de nuevo en "
    "discord.com/developers/applications, apartado Bot.",
    "discord_closed": "Discord cierra la conexión con el código {code} y no admite otra igual; "
    "consulte ese código en docs.discord.com y actualice LitteraGPT.",
    "discord_shard": "Discord no admite el shard {number} de {count} (código 4010): corrija "
    "DISCORD_SHARD_COUNT y DISCORD_SHARD_IDS, o quítelos.",
    "discord_shards": "El bot está en más servidores de los que Discord admite con tan pocas "
    "conexiones ({count}, código 4011): suba DISCORD_SHARD_COUNT, o quítelo y Discord dirá cuántas "
    "hacen falta.",
    # litteragpt invite
    "invite_none": "Para invitar al bot hace falta DISCORD_TOKEN o TELEGRAM_TOKEN, en el entorno o "
    "en el archivo .env.",
    "token_from_discord": "discord.com/developers/applications, apartado Bot",
    "token_from_telegram": "su conversación con @BotFather",
    "invite_refused": "{platform} rechaza {setting}: cópielo de nuevo de {where}.",
    "invite_failed": "No he podido preguntar a {platform} ({reason}); inténtelo dentro de un rato.",
    "invite_server": "Discord, a un servidor: {link}",
    "invite_account": "Discord, a su propia cuenta: {link}",
    "invite_chat": "Telegram: {link}",
    "invite_group": "Telegram, a un grupo: {link}",
    # litteragpt export, litteragpt import
    "exported": "Modelo {name} exportado a {out} ({format}, {precision}).",
    "imported": 'Modelo importado a {out}; pruébelo con: {program} escribe "Era" --checkpoint '
    "{out}",
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
    "status": "En curso y en cola: {pending}. Respondidas: {answered}. Reinicios del motor: "
    "{restarts}. Encendido desde hace {uptime}. Velocidad de la última: {speed}.",
    "goodbye": "Hasta otra.",
    "not_started": "El motor de escritura no arranca; el registro dice por qué.",
    # platforms that cannot be served: operator
    "telegram_refused": "Telegram no acepta el token del bot: pida uno a @BotFather y póngalo en "
    "TELEGRAM_TOKEN.",
    "port": "No puedo escuchar en {host}, puerto {port}: {reason}. {remedy}.",
    "port_remedy": "Cambie {setting} o libere ese puerto",
    "host_remedy": "Cambie {setting}",
    "port_taken": "lo ocupa otro programa",
    "port_forbidden": "el sistema no me lo permite",
    "port_unknown_host": "no conozco ese nombre",
    "port_elsewhere": "esa dirección no es de esta máquina",
    # shared database
    "database_extra": "Para {setting} falta asyncpg: instálelo con pip install "
    '"litteragpt[postgres]", o quite ese ajuste.',
    "database_unreachable": "No llego a la base de datos de {setting} ({reason}): compruebe que "
    "PostgreSQL está en marcha y que la máquina y el puerto son esos.",
    "database_refused": "La base de datos de {setting} no me admite ({reason}): corrija el "
    "usuario, la clave o la base.",
    "database_newer": "La base de datos es de una versión posterior de LitteraGPT: actualice este "
    "programa.",
    "web_nobody": "LITTERAGPT_ALLOWED_USERS no incluye web, así que nadie podría usar la página: "
    "añádalo.",
    "restarted": "[el motor se ha reiniciado; vuelvo a empezar]",
    "cancelled": "[cancelado]",
    # reasons for rejecting a candidate sentence, by name of the rule: keys of --json
    "fault_altered_word": "palabra alterada",
    "fault_unknown_word": "palabra inventada",
    "fault_unbalanced": "signo sin pareja",
    "fault_stutter": "repetición",
    "fault_stranger": "personaje ajeno",
    "fault_mixed_books": "libros mezclados",
    "fault_copied": "copia",
    "fault_too_long": "demasiado larga",
    "fault_too_short": "demasiado corta",
    "fault_fragment": "sin verbo",
    "fault_dangling": "sin acabar",
    "fault_tag_alone": "acotación suelta",
    "fault_same_beginning": "mismo comienzo",
    "fault_disagreement": "sin concordancia",
}
