"""Spanish texts for users; every text exists in Spanish."""

TEXTS = {
    # errors in a request
    "empty": "La frase está vacía: escriba una palabra o una frase para que yo la continúe.",
    "unwritable": "No sé escribir ninguna letra de esa frase: use las del español.",
    "too_long": "La frase tiene {length} caracteres y admito hasta {limit}: acórtela, por favor.",
    "sentences": "Puedo escribir de {least} a {most} frases, no {value}.",
    "temperature": "La temperatura va de {least:g} a {most:g}, y no puede ser {value}.",
    "top_p": "La probabilidad acumulada va de {least:g} a {most:g}, y no puede ser {value}.",
    "seed": "La semilla es un número entero de {least} a {most}, y no puede ser {value}.",
    "sentence_limit": "El límite por frase va de {least} a {most} caracteres, no {value}.",
    "candidates": "Las candidatas van de {least} a {most}, y no pueden ser {value}.",
    "style": "No conozco el estilo «{value}». Puedo escribir como: {known}.",
    "style_none": "Este modelo no distingue autores: pida la frase sin estilo.",
    # notices with an answer
    "dropped": "No sé leer estos caracteres y he continuado sin ellos: {characters}",
    "truncated": "Una frase se alargaba demasiado y la he cortado.",
    "truncated_many": "{count} frases se alargaban demasiado y las he cortado.",
    "cut": "El texto no cabía entero en un mensaje y lo he cortado.",
    # the executor
    "queue_full": "Hay demasiadas peticiones en cola ({limit}): espere un momento y vuelva a "
    "intentarlo.",
    "worker_lost": "El motor de escritura se ha interrumpido varias veces con esta petición; "
    "repítala dentro de un momento.",
    "unavailable": "El motor de escritura no está disponible ahora mismo; repita en un momento.",
    "no_native": "El núcleo nativo no está compilado: use LITTERAGPT_ENGINE=auto o pytorch.",
    "native_cuda": "El núcleo nativo sólo corre en la CPU: con LITTERAGPT_DEVICE=cuda use "
    "LITTERAGPT_ENGINE=auto o pytorch.",
    "no_torch": "PyTorch no está instalado aquí: ponga LITTERAGPT_ENGINE y LITTERAGPT_DEVICE a "
    "auto, o instálelo con «pip install 'litteragpt[torch]' -c constraints.txt» (en un contenedor, "
    "con la imagen que lo lleva).",
    "no_decoder": "No hay ningún motor de escritura: ni el núcleo nativo está compilado ni PyTorch "
    "instalado. Instale un compilador de C y repita la instalación, o ejecute «pip install "
    "'litteragpt[torch]' -c constraints.txt».",
    "no_cuda": "No encuentro ninguna GPU con CUDA: use LITTERAGPT_DEVICE=auto o cpu.",
    # checkpoints
    "unknown": "No hay ningún modelo «{name}» en {folder}; hay: {known}.",
    "no_folder": "No existe la carpeta {file}; un modelo es una carpeta con model.safetensors.",
    "missing": "Falta {file}: el modelo no está completo.",
    "forbidden": "No tengo permiso para leer {file}: déselo a este usuario con chmod -R u+rX o con "
    "chown.",
    "unreadable": "No puedo leer {file} ({reason}).",
    "not_json": "{file} no es un archivo JSON completo.",
    "content": "{file} no es de un modelo de este programa: {problem}.",
    "vocabulary": "{file} tiene un vocabulario de {found} y config.json espera {expected}.",
    "not_weights": "{file} está cortado o no es un archivo safetensors; no leo otra cosa.",
    "tensor": "{file}: el tensor {tensor} es {found} y se esperaba {expected}.",
    "superseded": "No sirvo el modelo {name}: mientras lo cargaba se pidió otro después.",
    "differs": "El modelo {name} no es el mismo en todos los nodos ({found}): cópielo igual en "
    "todos.",
    # the cluster
    "cluster_away": "No contesta ningún clúster de Ray en {address}: enciéndalo o corrija "
    "RAY_ADDRESS.",
    "cluster_refused": "No puedo unirme al clúster de Ray de {address} ({reason}): en esta máquina "
    "debe correr un nodo suyo, con la misma versión de Ray y la misma clave; vea docs/cluster.md.",
    "cluster_empty": "El clúster de Ray de {address} no tiene LitteraGPT: despliéguelo con "
    "«litteragpt cluster up» o con deploy/serve.yaml.",
    "cluster_idle": "Ninguna réplica de LitteraGPT escribe en el clúster de Ray de {address}: mire "
    "su registro; suelen faltarle procesadores, memoria o el modelo.",
    # exporting and importing checkpoints
    "no_equivalent": "El modelo {name} es de la familia {family}, que ningún otro motor conoce; "
    "sólo se exportan los de la familia modern.",
    "with_memory": "El modelo {name} tiene una memoria de n-gramas, que ningún otro motor conoce; "
    "sólo se exportan los de la familia modern que no la tienen, como small.",
    "precision_of_hf": "El formato hf no tiene {value}: use f32 o f16.",
    "no_library": 'Para exportar falta {name}: instálelo con pip install "litteragpt[export]".',
    "exists": "{file} ya existe: elija otro nombre, o repita con --force para sustituirlo.",
    "not_replaced": "{file} no es lo que escribiría esta orden y no lo sustituyo: elija otro "
    "nombre.",
    "not_torch": "{file} no es un archivo escrito por torch.save.",
    "legacy_torch": "{file} es de un PyTorch anterior a 1.6: vuelva a guardarlo con otro.",
    "damaged": "{file} está cortado, dañado o hecho para engañar; no he ejecutado nada de él.",
    "foreign_name": "{file} nombra {name}, que ningún LitteraGPT necesita; no he ejecutado nada de "
    "él.",
    "not_original": "{file} no contiene el modelo de LitteraGPT 0.1.0.",
    "not_numbers": "{file} tiene pesos que no son números finitos de coma flotante.",
    "no_vocabulary": "{file} no trae su vocabulario: indique con --vocab el archivo JSON que da un "
    "número a cada carácter.",
    "not_vocabulary": "{file} no da a cada carácter un número, desde el 0 y sin repetir: no es un "
    "vocabulario.",
    "other_vocabulary": "{file} tiene {found} caracteres y el modelo {expected}: no es su "
    "vocabulario.",
    # refusals and failures of requests
    "busy": "Ya estoy escribiendo para usted: espere a que acabe o use /cancelar.",
    "person_minute": "Admito {limit} peticiones por minuto de cada persona; podrá repetir en "
    "{wait}.",
    "person_day": "Admito {limit} peticiones al día de cada persona; podrá repetir en {wait}.",
    "place_minute": "Aquí se me ha pedido mucho: admito {limit} peticiones por minuto en cada "
    "servidor o chat; podrá repetir en {wait}.",
    "flooding": "Han sido muchas peticiones seguidas; podré atenderle dentro de {wait}.",
    "not_allowed": "Aquí no puedo atenderle; si es un error, hable con quien administra el bot.",
    "paused": "Estoy en pausa por mantenimiento; repita dentro de un rato.",
    "closing": "Me están reiniciando; repita dentro de un momento, por favor.",
    "cancelled_job": "Cancelado.",
    "too_slow": "No he podido terminar a tiempo; repita la petición, por favor.",
    "resumed": "Ha habido una interrupción; sigo con su frase.",
    "begun": "Escribo...",
    "late": "He estado apagado y no pude contestarle a tiempo; repita la petición, por favor.",
    "internal": "Algo ha fallado por mi parte (referencia {reference}); repita la petición, por "
    "favor.",
    # queue position
    "position_one": "Hay una petición delante de la suya...",
    "position": "Hay {ahead} peticiones delante de la suya...",
    # commands and replies
    "nothing_to_cancel": "No tengo ninguna petición suya en marcha.",
    "cancelling": "Dejo de escribir su petición.",
    "ask_phrase": "¿Qué frase continúo?",
    "only_text": "Sólo leo texto: escríbame el principio de una frase y la continúo.",
    "unknown_command": "No conozco esa orden; /ayuda dice qué sé hacer.",
    "inline_empty": "Escriba el principio de una frase",
    "inline_title": "Continuar al modo de los clásicos",
    "no_text": "Ese mensaje no tiene texto que pueda continuar.",
    "button_continue": "Continuar",
    "button_again": "Otra vez",
    "button_endings": "Tres finales",
    "button_delete": "Borrar",
    "not_yours": "Sólo puede borrarlo quien lo pidió o quien modera.",
    "not_your_choice": "Sólo puede elegir quien pidió estos finales; pulse «Tres finales» bajo un "
    "texto y tendrá los suyos.",
    "stale_button": "Ese botón ya no sirve; pida una frase nueva con /escribe.",
    "stale_command": "Esa orden ha cambiado; recargue Discord (Ctrl+R) y repita, por favor.",
    "too_old": "Telegram ya no me deja borrarlo: es de hace más de dos días.",
    "not_mine": "Use /info respondiendo a un texto mío.",
    "info": "Semilla {seed}, modelo {checkpoint}. Con la misma frase, la misma semilla y el mismo "
    "modelo sale el mismo texto.",
    "info_endings": "Semillas {seed}, por su orden; modelo {checkpoint}. Con la misma frase, una "
    "de ellas y el mismo modelo, la primera frase que sale es su final.",
    "help_discord": """\
**LitteraGPT** escribe dos frases que continúan la suya, al modo de los clásicos españoles.
`/escribe frase` con autor, número de frases, temperatura, semilla o en privado si lo desea
**Continuar** sigue el texto, **Otra vez** lo escribe de nuevo, **Tres finales** da tres a \
elegir, **Tarjeta** lo convierte en una imagen, **Borrar** lo quita
En el menú de un mensaje, *Aplicaciones*: **Continuar con LitteraGPT** y **Datos del texto**
`/cancelar` interrumpe lo que escribo para usted
`/modelo` qué modelo escribe · `/privacidad` qué guardo""",
    "help_telegram": """\
LitteraGPT escribe dos frases que continúan la suya, al modo de los clásicos españoles.
/escribe <frase> la continúo; en privado basta con la frase
/escribe como respuesta a un mensaje continúa ese mensaje
Continuar sigue el texto, Otra vez lo escribe de nuevo, Tres finales da tres a elegir, Tarjeta lo \
convierte en una imagen, Borrar lo quita
/info como respuesta a un texto mío dice con qué semilla y modelo salió
/cancelar interrumpe lo que escribo para usted
/modelo qué modelo escribe, /privacidad qué guardo
En cualquier chat: @{username} y la frase""",
    "start": "Hola. Escríbame el principio de una frase y la continúo al modo de los clásicos "
    "españoles; /ayuda dice qué más sé hacer.",
    "privacy": "Sólo leo lo que me piden que continúe. La frase se guarda hasta que la "
    "contesto, y luego se borra; no queda en el registro. Cuento las peticiones de cada persona "
    "durante un día, para repartir los turnos. Quien me administra ve cifras, no textos. "
    "«/privacidad borrar» quita lo que guardo de usted.",
    "privacy_logged": "Sólo leo lo que me piden que continúe. Quien administra este bot ha elegido "
    "que las frases queden en su registro. Cuento las peticiones de cada persona durante un día, "
    "para repartir los turnos. «/privacidad borrar» quita lo demás que guardo de usted.",
    "erased": "Hecho: he borrado lo que guardaba de usted y he dejado de escribir su petición.",
    "model_info": "Modelo {name} ({id}): {parameters} parámetros, {loss}. Corre en {device} con el "
    "motor {engine} y {threads} hilos. Velocidad de la última respuesta: {speed}. "
    "Estilos: {styles}. LitteraGPT {version}.",
    "loss": "pérdida {loss} nats por carácter",
    "loss_unknown": "sin pérdida medida",
    "speed": "{speed:.0f} caracteres por segundo",
    "speed_unknown": "aún no medida",
    "no_styles": "ninguno",
    "native": "nativo",
    "pytorch": "pytorch",
    "pytorch-graphs": "pytorch en grafos CUDA",
    "kernels": "núcleos para GPU",
    "kernels-graphs": "núcleos para GPU en grafos CUDA",
    # admins
    "not_admin": "Esa orden es sólo para quien administra el bot.",
    "reload_choose": "¿Qué modelo cargo? Ahora escribe {name}.",
    "reload_previous": "el anterior",
    "reloading": "Cargando {name}...",
    "reload_done": "Modelo cargado en {seconds} s: de {old} a {new}; {loss}.",
    "reload_failed": "Sigo con {old}. {error}",
    "reload_followed": "{name}: escribe con {new}.",
    "reload_behind": "{name}: sigue con {old}. {error}",
    "reload_unheard": "{name}: no ha contestado todavía; lo cargará en cuanto pueda.",
    "reload_none": "No hay un modelo anterior al que volver.",
    "reload_under_way": "Ya se está cargando un modelo; espere a que acabe.",
    "paused_done": "En pausa: termino lo empezado y no admito peticiones nuevas hasta /reanudar.",
    "resumed_done": "Vuelvo a admitir peticiones.",
    "replica_loaded": "Réplica {name} en {node}: cargado en {seconds} s.",
    "replica_failed": "Réplica {name} en {node}: no. {error}",
    "replica_undone": "Réplica {name} en {node}: sin cambios.",
    "replicas_report": "Réplicas: {count}, escribiendo {writing} de {rows} a la vez",
    "replicas_none": "Réplicas: ninguna",
    "replica_report": "{name} en {node}: {checkpoint}, {device}, escribiendo {writing} de {rows}",
    "status_report": """\
{state} desde hace {uptime}; versión {version}, Python {python}, PyTorch {torch}
Modelo {name} ({id}), {device}, {threads} hilos
En curso {running}, en espera {waiting}, respondidas {answered}, fallidas {failed}
Primera señal p50 {ack50} p99 {ack99}; respuesta p50 {answer50} p99 {answer99}
Bucle p99 {lag}; memoria {memory} y motor {worker_memory}; reinicios del motor {restarts}
Plataformas: {platforms}. Memoria en disco: {store}""",
    "store_fine": "en orden",
    "state_serving": "En marcha",
    "state_paused": "En pausa",
    "connected": "conectado",
    "disconnected": "sin conexión",
    "partly_connected": "conectado en parte",
    "sessions_spent": "sin conexión: Discord no admite más sesiones hasta dentro de {wait}",
    "line_report": "servidores {servers}, {latency} ms",
    "standing_by": "en espera",
    "member": "Proceso {name}: {platforms}; {checkpoint}; en curso {running}, en espera {waiting}",
    "member_silent": "Proceso {name}: sin señales desde hace {since}",
    "members_more": "Y {more} procesos más",
    # names of commands and options, for platforms that localize them
    "name_escribe": "escribe",
    "name_ayuda": "ayuda",
    "name_modelo": "modelo",
    "name_privacidad": "privacidad",
    "name_cancelar": "cancelar",
    "name_recargar": "recargar",
    "name_estado": "estado",
    "name_pausar": "pausar",
    "name_reanudar": "reanudar",
    "name_frase": "frase",
    "name_estilo": "estilo",
    "name_frases": "frases",
    "name_temperatura": "temperatura",
    "name_semilla": "semilla",
    "name_borrar": "borrar",
    "name_privado": "privado",
    "name_tarjeta": "tarjeta",
    "name_checkpoint": "checkpoint",
    # descriptions of commands, options and menus
    "command_escribe": "Continúa una frase al modo de los clásicos",
    "command_ayuda": "Muestra la ayuda",
    "command_modelo": "Dice qué modelo escribe",
    "command_privacidad": "Dice qué se guarda y permite borrarlo",
    "command_cancelar": "Cancela su petición",
    "command_info": "Dice la semilla y el modelo de un texto",
    "command_start": "Da la bienvenida",
    "command_recargar": "Cambia de modelo sin cortar nada",
    "command_estado": "Dice cómo va el bot",
    "command_pausar": "Pausa el bot",
    "command_reanudar": "Vuelve a admitir peticiones",
    "menu_continue": "Continuar con LitteraGPT",
    "menu_info": "Datos del texto",
    "option_frase": "El principio del texto",
    "option_estilo": "Autor cuya manera se imita",
    "option_frases": "Cuántas frases, de 1 a 5",
    "option_temperatura": "De 0 (lo más probable) a 2 (lo más atrevido)",
    "option_semilla": "La misma semilla da el mismo texto",
    "option_borrar": "Borra lo que se guarda de usted",
    "option_privado": "Sólo usted ve la respuesta",
    "option_tarjeta": "Con una imagen para compartir, como la página de un libro antiguo",
    # the web page
    "web_skip": "Saltar al texto",
    "web_phrase": "El principio de una frase",
    "web_example": "En un lugar de la Mancha",
    "web_hint": "Con Intro empiezo a escribir; con Escape lo dejo.",
    "web_style": "Autor",
    "web_any_style": "Cualquiera",
    "web_sentences": "Frases",
    "web_temperature": "Temperatura",
    "web_write": "Escribir",
    "web_stop": "Parar",
    "web_copy": "Copiar",
    "web_save": "Guardar la imagen",
    "web_share": "Compartir",
    "web_answer": "El texto",
    "web_options": "Cómo se escribe",
    "web_actions": "Qué hacer con el texto",
    "web_writing": "Escribiendo…",
    "web_done": "Escrito.",
    "web_stopped": "Parado.",
    "web_lost": "Se ha perdido la conexión; repita, por favor.",
    "web_refused": "No entiendo la petición: recargue la página, por favor.",
    "web_copied": "Copiado.",
    "web_keep": "Elegir el final {number}",
    "web_choose": "Elija un final; mientras tanto, el texto queda como está.",
    "web_kept": "Elegido.",
    "web_drawing": "Compongo la tarjeta…",
    "web_drawn": "La tarjeta está debajo del texto.",
    "web_dark": "Modo oscuro",
    "web_how": "Semilla {seed} · modelo {checkpoint}",
    "web_made_up": "Lo que aquí se lee lo inventa un programa: no son citas de nadie.",
    "web_privacy": "Su frase sirve para contestarle y no se guarda.",
    "web_privacy_logged": "Quien administra esta página ha elegido que las frases queden en su "
    "registro.",
    "web_examples": "Frases para empezar",
    "web_calm": "sereno",
    "web_delirious": "delirante",
    "web_surprise": "Sorpréndame",
    "web_former": "Este es el texto anterior.",
    "web_history": "Mis textos",
    "web_history_hint": "Sólo los guarda este navegador.",
    "web_forget": "Borrar mis textos",
    "web_missing": "Aquí no hay nada escrito",
    "web_back": "Volver al principio",
    "web_no_script": "Esta página necesita JavaScript.",
    "card_failed": "No he podido mostrar aquí la tarjeta; pruebe dentro de un momento, o en otro "
    "lugar.",
    "card_long": "Una tarjeta admite {limit} caracteres y este texto tiene {length}.",
    "cards_full": "Hay muchas tarjetas en espera; vuelva a intentarlo dentro de un momento.",
    "card_minute": "Compongo {limit} tarjetas por minuto para cada persona; podrá repetir en "
    "{wait}.",
    "button_card": "Tarjeta",
    # the card
    "card_manner": "Al modo de {author}",
    "card_manner_all": "Al modo de los clásicos",
    "card_colophon": "Lo escribió un programa, LitteraGPT · semilla {seed} · modelo {checkpoint}",
    "option_checkpoint": "El modelo, o «anterior»",
    "about": "Continúo sus frases al modo de los clásicos españoles.",
    "about_short": "Continúo frases al modo de los clásicos",
}

# Author names of the styles; the trainer of a model names its styles.
AUTHORS = {
    "anonimo": "Lazarillo de Tormes",
    "baroja": "Baroja",
    "blascoibanez": "Blasco Ibáñez",
    "cervantes": "Cervantes",
    "clarin": "Clarín",
    "dario": "Rubén Darío",
    "galdos": "Galdós",
    "machado": "Machado",
    "miro": "Miró",
    "palaciovaldes": "Palacio Valdés",
    "pardobazan": "Pardo Bazán",
    "rosaliadecastro": "Rosalía de Castro",
    "valleinclan": "Valle-Inclán",
}
