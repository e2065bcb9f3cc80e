"""Descriptions of all settings for operators, in display order.

`make tables` generates `.env.example` and the settings tables of the READMEs and docs/ from them
and from `bot.settings.settings.Settings`."""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """The description of a setting.

    example: value for `.env.example` if the default depends on the machine."""

    spanish: str
    english: str
    example: str = ""


class Section(NamedTuple):
    """Settings of one section, by field name."""

    spanish: str
    english: str
    settings: dict[str, Meaning]


SECTIONS = (
    Section(
        "Discord",
        "Discord",
        {
            "discord_token": Meaning(
                "Token del bot de Discord; sin él no se atiende Discord.",
                "Token of the Discord bot; without it Discord is not served.",
            ),
            "discord_admin_ids": Meaning(
                "Quién administra el bot en Discord: números de usuario separados por comas.",
                "Who administers the bot on Discord: numbers of users, separated by commas.",
            ),
            "discord_admin_guild_id": Meaning(
                "Servidor en el que se muestran las órdenes de administración; sin indicarlo se "
                "ven en todos, y en todos se comprueba quién las usa.",
                "Server in which the administration's commands are shown; without one they are "
                "shown in all, and in all it is checked who uses them.",
            ),
            "discord_guild_ids": Meaning(
                "Servidores en los que las órdenes aparecen al instante (para pruebas); sin "
                "indicarlos son globales.",
                "Servers in which the commands appear at once (for trials); without any they are "
                "global.",
            ),
            "discord_shard_count": Meaning(
                "Entre cuántas conexiones (shards) se reparten los servidores, en todos los "
                "procesos juntos; sin indicarlo, las que Discord recomienda: una hasta mil "
                "servidores, y luego otra por cada mil.",
                "Among how many connections (shards) the servers are shared, in all processes "
                "together; unless it is given, as many as Discord recommends: one up to a "
                "thousand servers, then another for every thousand.",
            ),
            "discord_shard_ids": Meaning(
                "Cuáles de ellas atiende este proceso, de 0 al número anterior menos uno, por "
                "ejemplo 0-3,8; sin indicarlo, todas.",
                "Which of them this process serves, from 0 to that number less one, 0-3,8 for "
                "example; unless it is given, all.",
            ),
            "discord_api_base": Meaning(
                "Dirección de la API, para pruebas o un proxy; sin cifrar, sólo en esta máquina.",
                "Address of the API, for trials or a proxy; unencrypted on this machine only.",
            ),
            "discord_gateway_url": Meaning(
                "Dirección de la pasarela, para pruebas o un proxy; sin cifrar, sólo en esta "
                "máquina.",
                "Address of the gateway, for trials or a proxy; unencrypted on this machine only.",
            ),
        },
    ),
    Section(
        "Telegram",
        "Telegram",
        {
            "telegram_token": Meaning(
                "Token del bot de Telegram; sin él no se atiende Telegram.",
                "Token of the Telegram bot; without it Telegram is not served.",
            ),
            "telegram_admin_ids": Meaning(
                "Quién administra el bot en Telegram: números de usuario separados por comas.",
                "Who administers the bot on Telegram: numbers of users, separated by commas.",
            ),
            "telegram_api_base": Meaning(
                "Dirección de la API, para pruebas o un servidor propio; sin cifrar, sólo en esta "
                "máquina.",
                "Address of the API, for trials or a server of your own; unencrypted on this "
                "machine only.",
            ),
            "telegram_poll_seconds": Meaning(
                "Segundos que dura cada espera de mensajes; acórtelos si un proxy corta las "
                "conexiones quietas.",
                "Seconds of each wait for messages; shorten them if a proxy cuts quiet "
                "connections.",
            ),
            "telegram_webhook_url": Meaning(
                "Dirección pública (https) en la que Telegram entrega los mensajes; sin ella, el "
                "bot los consulta.",
                "Public address (https) to which Telegram delivers messages; without one the bot "
                "asks for them.",
            ),
            "telegram_webhook_secret": Meaning(
                "Clave que Telegram presenta en cada entrega, de 16 a 256 letras, cifras, _ o -; "
                "obligatoria con TELEGRAM_WEBHOOK_URL.",
                "Secret that Telegram shows with each delivery, 16 to 256 letters, digits, _ or -; "
                "required with TELEGRAM_WEBHOOK_URL.",
            ),
            "telegram_webhook_host": Meaning(
                "Dirección en la que el bot escucha esas entregas.",
                "Address on which the bot listens for these deliveries.",
            ),
            "telegram_webhook_port": Meaning(
                "Puerto en el que el bot escucha esas entregas.",
                "Port on which the bot listens for these deliveries.",
            ),
        },
    ),
    Section(
        "La página web",
        "The web page",
        {
            "web": Meaning(
                "Si «litteragpt bot» atiende también la página; «litteragpt web» la atiende sola.",
                "Whether «litteragpt bot» serves the page too; «litteragpt web» serves it alone.",
            ),
            "web_host": Meaning(
                "Dirección en la que escucha. Por omisión, sólo en esta máquina; antes de "
                "cambiarla, lea docs/web.md.",
                "Address on which it listens: this machine's only unless changed; read docs/web.md "
                "before you do.",
            ),
            "web_port": Meaning("Puerto en el que escucha.", "Port on which it listens."),
            "web_names": Meaning(
                "Nombres con los que se llega a la página, separados por comas, por ejemplo el de "
                "su proxy. A localhost y a las direcciones numéricas se contesta siempre; a "
                "cualquier otro nombre, nunca.",
                "Names that the page is reached by, separated by commas, such as your proxy's. "
                "localhost and numeric addresses are always answered, any other name never.",
            ),
            "web_address_header": Meaning(
                "Cabecera en la que su proxy dice de qué dirección viene cada petición, por "
                "ejemplo X-Forwarded-For (de varias direcciones cuenta la última); sin proxy, "
                "déjela vacía, o cualquiera podría fingirse otro.",
                "Header in which your proxy says what address each request comes from, such as "
                "X-Forwarded-For (of several addresses the last counts); without a proxy leave it "
                "empty, or anybody could pretend to be somebody else.",
            ),
        },
    ),
    Section(
        "Quién puede pedir, y cuánto",
        "Who may ask, and how much",
        {
            "person_per_minute": Meaning(
                "Peticiones por minuto de cada persona; 0 es sin límite.",
                "Requests a minute of each person; 0 is without limit.",
            ),
            "person_per_day": Meaning(
                "Peticiones por día de cada persona; 0 es sin límite.",
                "Requests a day of each person; 0 is without limit.",
            ),
            "server_per_minute": Meaning(
                "Peticiones por minuto en cada servidor o grupo; 0 es sin límite.",
                "Requests a minute in each server or group; 0 is without limit.",
            ),
            "strikes": Meaning(
                "Tras tantas peticiones rechazadas en un minuto no se atiende a quien insiste; 0 "
                "es nunca.",
                "After so many refused requests in a minute whoever insists is not served; 0 is "
                "never.",
            ),
            "block_minutes": Meaning(
                "Durante cuántos minutos no se le atiende.",
                "For how many minutes that lasts.",
            ),
            "allowed_users": Meaning(
                "Personas a las que se atiende (vacío: todas): discord:NÚMERO o telegram:NÚMERO, "
                "separados por comas; discord, telegram o web son todas las de allí.",
                "People who are served (empty is all): discord:NUMBER or telegram:NUMBER, "
                "separated by commas; discord, telegram or web stand for all who are there.",
            ),
            "blocked_users": Meaning(
                "Personas a las que no se atiende, escritas del mismo modo.",
                "People who are not served, written in the same way.",
            ),
            "allowed_servers": Meaning(
                "Servidores y grupos a los que se atiende (vacío: todos): discord:NÚMERO o "
                "telegram:NÚMERO, separados por comas. De las conversaciones privadas no dice "
                "nada.",
                "Servers and groups that are served (empty is all): discord:NUMBER or "
                "telegram:NUMBER, separated by commas. It says nothing of private conversations.",
            ),
            "blocked_servers": Meaning(
                "Servidores y grupos que no se atienden, escritos del mismo modo.",
                "Servers and groups that are not served, written in the same way.",
            ),
        },
    ),
    Section(
        "Quién escribe",
        "Who writes",
        {
            "executor": Meaning(
                "Quién ejecuta el modelo: local es un proceso de esta máquina, ray un clúster de "
                "Ray (lea antes docs/cluster.md).",
                "Who runs the model: local is a process of this machine, ray a cluster of Ray "
                "(read docs/cluster.md first).",
            ),
            "ray_address": Meaning(
                "Máquina y puerto de la cabeza del clúster, por ejemplo 10.0.0.5:6379; obligatoria "
                "con ray.",
                "Machine and port of the cluster's head, such as 10.0.0.5:6379; obligatory with "
                "ray.",
            ),
        },
    ),
    Section(
        "Cómo se escribe",
        "How texts are written",
        {
            "device": Meaning(
                "Dónde corre el modelo: auto (la GPU si la hay), cpu o cuda.",
                "Where the model runs: auto (the GPU where there is one), cpu or cuda.",
            ),
            "engine": Meaning(
                "Quién calcula: auto (el núcleo nativo en la CPU si está compilado, PyTorch si no "
                "o en la GPU), native o pytorch.",
                "What computes: auto (the native kernel on a CPU where it has been compiled, "
                "PyTorch otherwise and on a GPU), native or pytorch.",
            ),
            "checkpoint": Meaning(
                "Modelo con el que se escribe: el nombre de una carpeta dentro de "
                "LITTERAGPT_CHECKPOINTS_DIR. Lo que elija un administrador con /recargar vale "
                "hasta que se cambie aquí.",
                "Checkpoint that writes: the name of a folder in LITTERAGPT_CHECKPOINTS_DIR. What "
                "an admin chooses with /recargar holds until this is changed.",
            ),
            "checkpoints_dir": Meaning(
                "Carpeta de los modelos. Por omisión, la que viene con el programa.",
                "Folder of the checkpoints; by default the one that comes with the program.",
                example="checkpoints",
            ),
            "threads": Meaning(
                "Hilos de CPU para el modelo; 0 usa todos los núcleos.",
                "CPU threads for the model; 0 uses all cores.",
            ),
            "max_batch": Meaning(
                "Cuántas frases candidatas se escriben a la vez; las demás esperan su turno.",
                "How many candidate sentences are written at once; the others wait for their turn.",
            ),
            "queue_limit": Meaning(
                "Cuántas peticiones se admiten en total, en curso y en espera, antes de rechazar "
                "más.",
                "How many requests are taken in all, running and waiting, before more are refused.",
            ),
            "sentences": Meaning(
                "Frases que se escriben si no se pide otra cosa.",
                "Sentences that are written unless something else is asked for.",
            ),
            "temperature": Meaning(
                "Temperatura si no se pide otra: 0 es siempre lo más probable, 2 lo más atrevido.",
                "Temperature unless another is asked for: 0 is always the likeliest, 2 the "
                "boldest.",
            ),
            "top_p": Meaning(
                "Probabilidad acumulada de los caracteres entre los que se sortea.",
                "Cumulative probability of the characters among which lots are drawn.",
            ),
            "phrase_limit": Meaning(
                "Longitud máxima de una frase de entrada, en caracteres.",
                "Greatest length of a phrase that is asked, in characters.",
            ),
            "candidates": Meaning(
                "De cuántas candidatas se elige cada frase. Con auto, de hasta 32: cuantas la "
                "máquina escriba a tiempo, y menos cuando otros esperan.",
                "From how many candidates each sentence is chosen. With auto from up to 32: as "
                "many as the machine writes in time, and fewer while others wait.",
            ),
            "sentence_limit": Meaning(
                "Caracteres tras los que una frase que no acaba se cierra en su última pausa.",
                "Characters after which a sentence that does not end is closed at its last pause.",
            ),
        },
    ),
    Section(
        "Funcionamiento",
        "Running",
        {
            "state_dir": Meaning(
                "Carpeta en la que el bot guarda lo que debe recordar: las peticiones que no ha "
                "contestado todavía, los límites, el modelo elegido y quién lo administró. Por "
                "omisión, la carpeta de datos del usuario.",
                "Folder in which the bot keeps what it must remember: requests that it has not "
                "answered yet, limits, the chosen checkpoint and who administered it. By default "
                "the user's folder for data.",
                example="state",
            ),
            "database_url": Meaning(
                "Dirección de un PostgreSQL que comparten varios procesos del bot, en lugar de un "
                "archivo de esa carpeta: postgresql://usuario:clave@máquina:5432/base. Lea antes "
                "docs/cluster.md.",
                "Address of a PostgreSQL that several processes of the bot share, in place of a "
                "file in that folder: postgresql://user:password@machine:5432/base. Read "
                "docs/cluster.md first.",
            ),
            "audit_days": Meaning(
                "Días que se recuerda lo que hicieron los administradores.",
                "Days for which it is remembered what admins did.",
            ),
            "shutdown_seconds": Meaning(
                "Segundos que se conceden para terminar lo empezado cuando el bot se apaga.",
                "Seconds given to what is being written when the bot is stopped.",
            ),
            "metrics_host": Meaning(
                "Dirección en la que se ven la salud y las métricas del bot: /healthz, /readyz y "
                "/metrics. No piden clave: sólo esta máquina debe llegar ahí, o una red de "
                "confianza.",
                "Address of the bot's health and metrics: /healthz, /readyz and /metrics. They ask "
                "for no password: only this machine should reach them, or a trusted network.",
            ),
            "metrics_port": Meaning(
                "Puerto de la salud y las métricas; con 0 no se ven en ninguna parte.",
                "Port of health and metrics; with 0 they are nowhere.",
            ),
            "log_format": Meaning(
                "Forma del registro: text (una línea por suceso) o json (un objeto por línea). La "
                "referencia que se muestra a la gente cuando algo falla está en todas las líneas "
                "de su petición.",
                "Form of the log: text (a line an event) or json (an object a line). The reference "
                "that people are shown when something fails is in all lines of their request.",
            ),
            "log_level": Meaning(
                "Detalle del registro: DEBUG, INFO, WARNING o ERROR. Con DEBUG puede mostrar "
                "trozos de lo que la gente escribe.",
                "Detail of the log: DEBUG, INFO, WARNING or ERROR. With DEBUG it may show pieces "
                "of what people write.",
            ),
            "log_levels": Meaning(
                "Detalle de algunas partes, si ha de ser otro: discord, telegram, service, worker, "
                "store, monitoring. Por ejemplo: telegram=DEBUG,store=WARNING",
                "Detail of some parts, where it is to be another: discord, telegram, service, "
                "worker, store, monitoring. For example: telegram=DEBUG,store=WARNING",
            ),
            "log_phrases": Meaning(
                "Si el registro incluye las frases que se piden; por omisión nunca.",
                "Whether the log includes the phrases that are asked; by default never.",
            ),
        },
    ),
)
