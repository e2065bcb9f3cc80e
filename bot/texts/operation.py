"""Spanish texts for operators, shown by `litteragpt doctor`, `health` and `setup`.

`key` describes a problem and `key`_remedy its remedy."""

TEXTS = {
    "doctor_remedy": "Remedio: {remedy}",
    "doctor_well": "No hay nada que impida servir; avisos: {warnings}.",
    "doctor_unwell": "Problemas: {problems}; avisos: {warnings}.",
    # the machine
    "doctor_python": "Python {found} en {system}.",
    "doctor_python_old": "Python {found} no sirve: hace falta {wanted}.",
    "doctor_python_old_remedy": "Instale Python 3.11 o posterior y cree de nuevo .venv con «make "
    "run».",
    "doctor_libraries": "Las bibliotecas son las que se piden ({named}).",
    "doctor_library": "{name} es la versión {found} y hace falta {wanted}.",
    "doctor_library_remedy": "Instálela con «pip install '{name}{wanted}' -c constraints.txt».",
    "doctor_library_missing": "Falta la biblioteca {name}.",
    "doctor_library_missing_remedy": "Instálela con «pip install '{name}' -c constraints.txt».",
    # the cluster
    "doctor_no_ray": "LITTERAGPT_EXECUTOR es ray y Ray no está instalado.",
    "doctor_no_ray_remedy": "Instálelo con «pip install 'litteragpt[cluster]' -c constraints.txt».",
    "doctor_cluster": "El clúster de {address} contesta; réplicas: {replicas}, textos a la vez: "
    "{rows}.",
    "doctor_cluster_writes": "El clúster escribe con {name} ({id}); frases de prueba: {sentences}.",
    "doctor_cluster_mixed": "Las réplicas de {nodes} tienen todavía otro modelo.",
    "doctor_cluster_mixed_remedy": "Si dura más de un minuto, mire el registro de esos nodos.",
    "doctor_cluster_remedy": "Vea docs/cluster.md, «If something is wrong».",
    # the settings
    "doctor_settings": "Los ajustes se entienden.",
    "doctor_setting_remedy": "Corríjalo en el entorno o en .env; .env.example explica cada ajuste.",
    "doctor_setting_unknown_remedy": "Corrija el nombre o quítelo; .env.example los tiene todos.",
    "doctor_exposed": "Cualquier usuario de esta máquina puede leer los tokens de {file}.",
    "doctor_exposed_remedy": "Ejecute «chmod 600 {file}», o quítelos de ahí y póngalos en el "
    "entorno.",
    "doctor_no_permissions": "El disco de {file} no guarda permisos: no sé quién puede leer sus "
    "tokens.",
    "doctor_no_permissions_remedy": "Ponga la carpeta en un disco de Linux, o compruebe en Windows "
    "quién puede leer ese archivo.",
    "doctor_day_below_minute": "Una persona puede pedir {minute} veces por minuto y sólo {day} al "
    "día.",
    "doctor_day_below_minute_remedy": "Suba LITTERAGPT_PERSON_PER_DAY o baje "
    "LITTERAGPT_PERSON_PER_MINUTE.",
    "doctor_server_below_person": "Una persona puede pedir {minute} veces por minuto, más que "
    "todo un servidor ({server}).",
    "doctor_server_below_person_remedy": "Suba LITTERAGPT_SERVER_PER_MINUTE o baje "
    "LITTERAGPT_PERSON_PER_MINUTE.",
    "doctor_no_limits": "No hay ningún límite: una sola persona puede ocupar el bot.",
    "doctor_no_limits_remedy": "Ponga LITTERAGPT_PERSON_PER_MINUTE, por ejemplo a 5.",
    "doctor_queue_below_batch": "Se pueden escribir {batch} textos a la vez y sólo se admiten "
    "{queue} peticiones.",
    "doctor_queue_below_batch_remedy": "Suba LITTERAGPT_QUEUE_LIMIT o baje LITTERAGPT_MAX_BATCH.",
    "doctor_threads": "Se piden {threads} hilos y esta máquina tiene {cores} núcleos, así que se "
    "estorbarían.",
    "doctor_threads_remedy": "Ponga LITTERAGPT_THREADS a 0, que elige él mismo.",
    "doctor_phrases_logged": "El registro guarda las frases de la gente.",
    "doctor_phrases_logged_remedy": "Si no es lo que quiere, ponga LITTERAGPT_LOG_PHRASES a false.",
    "doctor_debug_logged": "El registro con DEBUG puede mostrar trozos de lo que la gente escribe.",
    "doctor_debug_logged_remedy": "Cuando acabe de buscar el fallo, quite DEBUG de "
    "LITTERAGPT_LOG_LEVEL y LITTERAGPT_LOG_LEVELS.",
    "doctor_allowed_and_blocked": "{who} está a la vez entre los que se atienden y los que no.",
    "doctor_allowed_and_blocked_remedy": "Quítelo de LITTERAGPT_ALLOWED_{names} o de "
    "LITTERAGPT_BLOCKED_{names}.",
    "doctor_no_admins": "Nadie administra el bot en {platform}: nadie puede usar /recargar, "
    "/estado ni /pausar.",
    "doctor_no_admins_remedy": "Ponga su número de usuario en {name}_ADMIN_IDS.",
    # engine, device and checkpoint
    "doctor_native": "Escribe el núcleo nativo con {instructions} y {threads} hilos, porque está "
    "compilado y no hay una GPU que se pueda usar.",
    "doctor_native_wanted": "Escribe el núcleo nativo con {instructions} y {threads} hilos, "
    "porque LITTERAGPT_ENGINE lo pide.",
    "doctor_native_cpu": "Escribe el núcleo nativo con {instructions} y {threads} hilos, porque "
    "LITTERAGPT_DEVICE pide la CPU.",
    "doctor_pytorch_wanted": "Escribe PyTorch en {device} porque LITTERAGPT_ENGINE lo pide.",
    "doctor_pytorch_gpu": "Escribe la GPU, con PyTorch, porque la hay y LITTERAGPT_DEVICE es "
    "{device}.",
    "doctor_pytorch_only": "Escribe PyTorch en la CPU, muchas veces más despacio, porque el "
    "núcleo nativo no está compilado.",
    "doctor_pytorch_only_remedy": "Instale un compilador de C (gcc o clang) y repita la "
    "instalación con «make -B run».",
    "doctor_device_remedy": "Cambie LITTERAGPT_ENGINE o LITTERAGPT_DEVICE; «auto» elige lo que "
    "hay.",
    "doctor_gpu": "La GPU es {name}.",
    "doctor_gpu_unused": "Hay una GPU y no se usa; en la CPU hay {known}.",
    "doctor_gpu_unused_remedy": "Si la quiere, instale PyTorch para CUDA y ponga LITTERAGPT_DEVICE "
    "y LITTERAGPT_ENGINE a auto.",
    "doctor_cpu": "La CPU puede con {known}; no hay GPU con CUDA.",
    "doctor_cpu_unknown": "lo que PyTorch aproveche",
    "doctor_writes": "El modelo {name} ({id}) escribe {sentences} frases a {speed:.0f} caracteres "
    "por segundo.",
    "doctor_writes_gpu": "El modelo {name} ({id}) escribe {sentences} frases a {speed:.0f} "
    "caracteres por segundo, con {engine}.",
    "doctor_gpu_slower": "El modelo {name} ({id}) escribe a {speed:.0f} caracteres por segundo con "
    "{engine}, más despacio de lo que esta GPU puede.",
    "doctor_gpu_slower_remedy": "El aviso en inglés que hay más arriba dice por qué; suele faltar "
    "Triton, que viene con PyTorch para CUDA en Linux, o un compilador de C que lo sirva.",
    "doctor_slow": "El modelo {name} ({id}) escribe a sólo {speed:.0f} caracteres por segundo.",
    "doctor_slow_remedy": "Use un modelo menor, el núcleo nativo o una GPU; o una máquina menos "
    "ocupada.",
    "doctor_checkpoint_remedy": "Copie de nuevo la carpeta del modelo, o nombre otro en "
    "LITTERAGPT_CHECKPOINT.",
    # environment
    "doctor_disk": "Quedan {megabytes} MB en {folder}.",
    "doctor_disk_scarce": "Quedan sólo {megabytes} MB en {folder}.",
    "doctor_disk_scarce_remedy": "Libere espacio, o ponga LITTERAGPT_STATE_DIR en otro disco.",
    "doctor_disk_full": "El disco de {folder} está lleno: quedan {megabytes} MB.",
    "doctor_disk_full_remedy": "Libere espacio, o ponga LITTERAGPT_STATE_DIR en otro disco.",
    "doctor_store": "La memoria en disco, {file}, está en orden.",
    "doctor_store_none": "La memoria en disco se creará en {folder}.",
    "doctor_store_no_folder": "{folder} no es una carpeta, y ahí debería ir la memoria en disco.",
    "doctor_store_no_folder_remedy": "Quite ese archivo o cambie LITTERAGPT_STATE_DIR.",
    "doctor_store_forbidden": "No puedo escribir en {folder}.",
    "doctor_store_forbidden_remedy": "Déselo a este usuario con chown, o cambie "
    "LITTERAGPT_STATE_DIR.",
    "doctor_store_damaged": "La memoria en disco, {file}, está dañada ({reason}).",
    "doctor_store_damaged_remedy": "Recupérela de una copia; si no la tiene, el bot la apartará al "
    "encenderse y empezará otra.",
    "doctor_store_newer": "La memoria en disco, {file}, es de una versión posterior de LitteraGPT.",
    "doctor_store_newer_remedy": "Actualice LitteraGPT; si se enciende así, la apartará y empezará "
    "otra.",
    "doctor_store_exposed": "Otros usuarios de esta máquina pueden leer o cambiar {file}.",
    "doctor_store_exposed_remedy": "Ejecute «chmod go= {file}».",
    "doctor_store_aside": "Hay una memoria en disco que se apartó por dañada, {file}.",
    "doctor_store_aside_remedy": "Si no la quiere examinar, bórrela.",
    "doctor_database": "La base de datos, PostgreSQL {version}, está en orden y contesta en "
    "{milliseconds:.0f} ms.",
    "doctor_database_processes": "La comparten ahora estos procesos: {names}.",
    "doctor_database_extra": "Para {setting} falta asyncpg.",
    "doctor_database_extra_remedy": 'Instálelo con pip install "litteragpt[postgres]".',
    "doctor_database_remedy": "Corrija {setting}, o pruébelo con psql desde esta misma máquina.",
    "doctor_database_rights": "En la base de datos, PostgreSQL {version}, no puedo crear tablas.",
    "doctor_database_rights_remedy": "Haga a ese usuario dueño de la base, con «ALTER DATABASE … "
    "OWNER TO …».",
    "doctor_port": "El puerto {port} de {host} está libre para la salud y las métricas.",
    "doctor_port_remedy": "Cierre el programa que lo ocupa o cambie ese ajuste.",
    "doctor_running": "El bot está en marcha (proceso {pid}).",
    "doctor_running_well": "El bot está en marcha y todo responde ({parts}).",
    "doctor_running_unwell": "El bot está en marcha y no todo responde ({unwell}).",
    "doctor_running_unwell_remedy": "Mire en su registro qué dice de esas partes.",
    # litteragpt health
    "health_no_port": "Sin LITTERAGPT_METRICS_PORT no se le puede preguntar al bot cómo está: "
    "ponga un puerto, por ejemplo 9464, y enciéndalo de nuevo.",
    "health_none": "Ningún bot contesta en el puerto {port} de {host}: mire si está encendido y si "
    "tiene el mismo LITTERAGPT_METRICS_PORT.",
    # the platforms
    "doctor_no_tokens": "Sin DISCORD_TOKEN ni TELEGRAM_TOKEN, el bot conversa en la terminal.",
    "doctor_unreachable": "No he podido preguntar a {platform} ({reason}).",
    "doctor_unreachable_remedy": "Compruebe la red, el cortafuegos y {setting} si lo ha "
    "puesto; si la plataforma está caída, espere.",
    "doctor_strange": "Lo que contesta {platform} no se entiende.",
    "doctor_strange_remedy": "Compruebe {setting} si lo ha puesto, y si hay un proxy en "
    "medio; si no, actualice LitteraGPT.",
    "doctor_clock": "El reloj va en hora.",
    "doctor_clock_wrong": "El reloj de esta máquina se equivoca en {seconds:.0f} segundos.",
    "doctor_clock_wrong_remedy": "Póngalo en hora, por ejemplo con «timedatectl set-ntp true».",
    "doctor_discord_known": "DISCORD_TOKEN vale: es la aplicación {name} ({id}).",
    "doctor_discord_token": "Discord no acepta DISCORD_TOKEN.",
    "doctor_discord_token_remedy": "Pulse Reset Token en discord.com/developers/applications, "
    "apartado Bot, y copie el token nuevo.",
    "doctor_discord_gateway": "Las órdenes llegan por la pasarela; la clave pública "
    "({public}...) no hace falta.",
    "doctor_discord_endpoint": "Discord envía las órdenes a {address}, y al bot no le llega "
    "ninguna.",
    "doctor_discord_endpoint_remedy": "Borre Interactions Endpoint URL en "
    "discord.com/developers/applications, apartado General Information.",
    "doctor_discord_grant": "La aplicación exige OAuth2 Code Grant, y el enlace de invitación "
    "falla.",
    "doctor_discord_grant_remedy": "Apague Requires OAuth2 Code Grant en "
    "discord.com/developers/applications, apartado Bot.",
    "doctor_discord_installs": "Se puede instalar en servidores y en cuentas de usuario.",
    "doctor_discord_install_0": "La aplicación no se puede instalar en servidores.",
    "doctor_discord_install_0_remedy": "Marque Guild Install en "
    "discord.com/developers/applications, apartado Installation.",
    "doctor_discord_install_1": "La aplicación no se puede instalar en cuentas de usuario.",
    "doctor_discord_install_1_remedy": "Marque User Install en "
    "discord.com/developers/applications, apartado Installation.",
    "doctor_discord_private": "Sólo el dueño de la aplicación puede añadir el bot.",
    "doctor_discord_private_remedy": "Si lo han de añadir otros, marque Public Bot en "
    "discord.com/developers/applications, apartado Bot.",
    "doctor_discord_no_intents": "No tiene intenciones privilegiadas, y no las necesita.",
    "doctor_discord_intents": "La aplicación tiene intenciones privilegiadas que no necesita "
    "({intents}).",
    "doctor_discord_intents_remedy": "Apáguelas en discord.com/developers/applications, apartado "
    "Bot: con ellas Discord puede pedirle una revisión.",
    "doctor_discord_starts": "Se han agotado las {total} conexiones que Discord admite al día.",
    "doctor_discord_starts_remedy": "Espere {hours} horas, y busque qué enciende el bot una y "
    "otra vez.",
    "doctor_discord_starts_few": "Quedan {left} conexiones de las que Discord admite al día, menos "
    "de las que el bot necesita para volver a encenderse.",
    "doctor_discord_starts_few_remedy": "No lo reinicie en {hours} horas, y busque qué enciende "
    "el bot una y otra vez.",
    "doctor_discord_shards": "Servidores: {servers}; conexiones (shards): {count} según "
    "DISCORD_SHARD_COUNT, y Discord recomienda {recommended}.",
    "doctor_discord_shards_auto": "Servidores: {servers}; conexiones (shards): {recommended}, como "
    "recomienda Discord.",
    "doctor_discord_shards_few": "Para {servers} servidores Discord recomienda {recommended} "
    "conexiones (shards), y DISCORD_SHARD_COUNT dice {count}.",
    "doctor_discord_shards_few_remedy": "Suba DISCORD_SHARD_COUNT a {recommended} en todos los "
    "procesos, o quítelo.",
    "doctor_discord_shards_short": "Discord admite {most} servidores por conexión (shard), y para "
    "{servers} DISCORD_SHARD_COUNT dice {count}.",
    "doctor_discord_shards_short_remedy": "Suba DISCORD_SHARD_COUNT a {recommended} en todos los "
    "procesos, o quítelo.",
    "doctor_discord_shards_others": "Este proceso atiende los shards {own}; los servidores de "
    "{others} quedan para otros procesos.",
    "doctor_discord_shards_others_remedy": "Compruebe que otros procesos tienen {others} en "
    "DISCORD_SHARD_IDS; si no los hay, quite DISCORD_SHARD_IDS.",
    "doctor_discord_server": "El bot no está en el servidor {guild}, que nombra {setting}.",
    "doctor_discord_server_remedy": "Invítelo con el enlace de «{program} invite», o quite ese "
    "número de {setting}.",
    "doctor_telegram_known": "TELEGRAM_TOKEN vale: es @{name}.",
    "doctor_telegram_token": "Telegram no acepta TELEGRAM_TOKEN.",
    "doctor_telegram_token_remedy": "Pídale a @BotFather el token con /token y cópielo entero.",
    "doctor_telegram_privacy": "El modo de privacidad está activado: sólo lee lo que se le dirige.",
    "doctor_telegram_privacy_wrong": "El modo de privacidad está desactivado: recibe todo lo que "
    "se dice en los grupos.",
    "doctor_telegram_privacy_wrong_remedy": "Actívelo con /setprivacy en @BotFather, y quite y "
    "añada el bot en los grupos.",
    "doctor_telegram_inline": "Se puede llamar en cualquier chat con su nombre y una frase.",
    "doctor_telegram_inline_wrong": "No se puede llamar en otros chats con su nombre y una frase.",
    "doctor_telegram_inline_wrong_remedy": "Actívelo con /setinline en @BotFather.",
    "doctor_telegram_guest": "Se le puede nombrar en chats en los que no está.",
    "doctor_telegram_guest_wrong": "No se le puede nombrar en chats en los que no está.",
    "doctor_telegram_guest_wrong_remedy": "Active Guest Mode en los ajustes del bot de @BotFather.",
    "doctor_telegram_groups": "Se puede añadir a grupos.",
    "doctor_telegram_groups_wrong": "No se puede añadir a grupos.",
    "doctor_telegram_groups_wrong_remedy": "Si lo quiere en grupos, actívelo con /setjoingroups en "
    "@BotFather.",
    "doctor_telegram_webhook_elsewhere": "Telegram entrega los mensajes en {host}: otro programa "
    "usa este token, y el bot se los quitaría.",
    "doctor_telegram_webhook_elsewhere_remedy": "Apague ese programa, o pida otro token a "
    "@BotFather; si ya no existe, encienda el bot y lo quitará él.",
    "doctor_telegram_other": "Otro programa pregunta a Telegram con este mismo token, y los dos "
    "se quitan los mensajes.",
    "doctor_telegram_other_remedy": "Apague el otro, o pida un token nuevo con /revoke en "
    "@BotFather.",
    "doctor_telegram_alone": "Ningún otro programa pregunta con este token.",
    "doctor_telegram_undisturbed": "Sus mensajes los recibe el bot en marcha (proceso {pid}), al "
    "que no molesto.",
    "doctor_webhook": "La dirección del webhook llega hasta aquí.",
    "doctor_webhook_port": "Telegram no entrega en el puerto {port} de TELEGRAM_WEBHOOK_URL.",
    "doctor_webhook_port_remedy": "Use https en el puerto 443, 80, 88 o 8443.",
    "doctor_webhook_unset": "Telegram no entrega todavía en TELEGRAM_WEBHOOK_URL.",
    "doctor_webhook_unset_remedy": "Encienda el bot, que se lo dice.",
    "doctor_webhook_failed": "Telegram no ha podido entregar en la última hora ({said}).",
    "doctor_webhook_failed_remedy": "Compruebe el certificado, el proxy y el cortafuegos de esa "
    "dirección.",
    "doctor_webhook_pending": "Esperan {pending} mensajes sin entregar.",
    "doctor_webhook_pending_remedy": "Encienda el bot; si está en marcha, mire en su registro por "
    "qué no los toma.",
    "doctor_webhook_unreachable": "No llego a TELEGRAM_WEBHOOK_URL ({reason}).",
    "doctor_webhook_unreachable_remedy": "Compruebe el nombre, el certificado, el proxy y el "
    "cortafuegos: debe llevar hasta TELEGRAM_WEBHOOK_HOST y TELEGRAM_WEBHOOK_PORT.",
    "doctor_webhook_stranger": "En TELEGRAM_WEBHOOK_URL contesta otro programa (estado {status}).",
    "doctor_webhook_stranger_remedy": "Haga que el proxy lleve esa dirección hasta "
    "TELEGRAM_WEBHOOK_HOST y TELEGRAM_WEBHOOK_PORT.",
    "doctor_no_answer": "no contesta a tiempo",
    # litteragpt setup
    "setup_discord": "Discord: cree una aplicación en https://discord.com/developers/applications; "
    "en Installation deje Guild Install y User Install, y en Bot pulse Reset Token.",
    "setup_telegram": "Telegram: escriba /newbot a https://t.me/BotFather, y le dará el token.",
    "setup_token": "Token de {platform} (no se verá; {empty}): ",
    "setup_skip": "vacío, para no usar {platform}",
    "setup_keep": "vacío, para dejar el que hay",
    "setup_other": "Es un token de {found}: lo uso para {found}.",
    "setup_accepted": "{platform} lo acepta.",
    "setup_given_up": "No guardo nada sin un token de {platform} que valga.",
    "setup_nothing": "No hay ningún token, así que no guardo nada.",
    "setup_written": "Guardado en {file}, que sólo su dueño puede leer.",
    "setup_written_open": "Guardado en {file}. Su disco no guarda permisos: quién puede leerlo "
    "depende de Windows o de cómo se montó. Para que lo decida este sistema, ponga la carpeta en "
    "un disco de Linux.",
    "setup_unwritable": "No puedo escribir {file} ({reason}): ejecute «{program} setup» en una "
    "carpeta suya.",
    "setup_overruled": "Aviso: la variable de entorno {name} cuenta más que el archivo; quítela.",
    "setup_steps": "Queda por hacer, si lo quiere:",
    "setup_step": "- {text} {remedy}",
    "setup_next": "Compruébelo todo con «{program} doctor» y enciéndalo con «{program} bot».",
    "doctor_bad_certificate": "el certificado no vale",
}
