"""English texts for users of Discord, Telegram and the web page.

Keys and values are those of `spanish`; coded errors have their English text in `model.errors`."""

TEXTS = {
    "style_none": "This model knows no authors: ask without a style, please.",
    # notices with an answer
    "dropped": "I cannot read these characters, so I went on without them: {characters}",
    "truncated": "A sentence ran on, so I cut it short.",
    "truncated_many": "{count} sentences ran on, so I cut them short.",
    "cut": "The text did not fit in a message, so I cut it.",
    # the executor
    "queue_full": "Too many requests are waiting ({limit}): try again in a moment, please.",
    "worker_lost": "The writing engine broke down several times with this request; try again in a "
    "moment, please.",
    "unavailable": "The writing engine is not available right now; try again in a moment, please.",
    # refusals and failures of requests
    "busy": "I am already writing for you: wait until it is done, or use /cancelar.",
    "person_minute": "I take {limit} requests a minute from each person; you can ask again in "
    "{wait}.",
    "person_day": "I take {limit} requests a day from each person; you can ask again in {wait}.",
    "place_minute": "I have been asked a lot here: I take {limit} requests a minute in each server "
    "or chat; you can ask again in {wait}.",
    "flooding": "That was too many tries: I will not answer you for {wait}.",
    "not_allowed": "I may not take requests from you or from this place; ask whoever runs me.",
    "paused": "I am paused for maintenance; try again in a while, please.",
    "closing": "I am being restarted; try again in a moment, please.",
    "cancelled_job": "Cancelled.",
    "too_slow": "I could not finish in time; ask again, please.",
    "resumed": "There was an interruption; I am going on with your phrase.",
    "begun": "Writing...",
    "late": "I was switched off and could not answer you in time; ask again, please.",
    "internal": "Something went wrong on my side (reference {reference}); ask again, please.",
    # queue position
    "position_one": "One request is ahead of yours...",
    "position": "{ahead} requests are ahead of yours...",
    # commands and replies
    "nothing_to_cancel": "I am not writing anything for you.",
    "cancelling": "I stop writing for you.",
    "ask_phrase": "Which phrase shall I continue?",
    "only_text": "I only read text: write me the beginning of a sentence and I continue it.",
    "unknown_command": "I do not know that command; /ayuda tells what I can do.",
    "inline_empty": "Write the beginning of a sentence",
    "inline_title": "Continue in the manner of the classics",
    "no_text": "That message has no text that I could continue.",
    "button_continue": "Continue",
    "button_again": "Again",
    "button_endings": "Three endings",
    "button_delete": "Delete",
    "not_yours": "Only the person who asked for it or a moderator may delete it.",
    "not_your_choice": "Only the person who asked for these endings may choose; press “Three "
    "endings” below a text and you will have your own.",
    "stale_button": "That button no longer works; ask for a new phrase with /escribe.",
    "stale_command": "That command has changed; reload Discord (Ctrl+R) and try again, please.",
    "too_old": "Telegram no longer lets me delete it: it is more than two days old.",
    "not_mine": "That message is no answer of mine.",
    "info": "Seed {seed}, model {checkpoint}. The same phrase, seed and model give the same text.",
    "info_endings": "Seeds {seed}, in their order; model {checkpoint}. With the same phrase, one "
    "of them and the same model, the first sentence that comes is its ending.",
    "help_discord": """\
**LitteraGPT** continues your phrase with two sentences in the manner of the Spanish classics.
`/escribe phrase` with author, number of sentences, temperature, seed, or privately, as you like
**Continue** goes on, **Again** writes it anew, **Three endings** gives three to choose \
from, **Card** makes a picture of it, **Delete** removes it
In a message's menu, *Apps*: **Continue with LitteraGPT** and **About this text**
`/cancelar` stops what I am writing for you
`/modelo` which model writes · `/privacidad` what I keep""",
    "help_telegram": """\
LitteraGPT continues your phrase with two sentences in the manner of the Spanish classics.
/escribe <phrase> continues it; in private the phrase alone will do
/escribe as a reply to a message continues that message
Continue goes on, Again writes it anew, Three endings gives three to choose from, Card makes a \
picture of it, Delete removes it
/info as a reply to a text of mine tells its seed and model
/cancelar stops what I am writing for you
/modelo which model writes, /privacidad what I keep
In any chat: @{username} and the phrase""",
    "start": "Good day. Write me the beginning of a sentence in Spanish and I continue it in the "
    "manner of the classics; /ayuda tells what else I can do.",
    "privacy": "I read only what I am asked to continue. The phrase is kept until I have answered "
    "it and then deleted; it is not logged. I count each person's requests for a day, to share out "
    "the turns. My operator sees figures, not texts. “/privacidad delete” removes what I keep "
    "of you.",
    "privacy_logged": "I read only what I am asked to continue. The operator has chosen "
    "to keep phrases in its log. I count each person's requests for a day, to share out the turns. "
    "“/privacidad delete” removes the rest of what I keep of you.",
    "erased": "Deleted: I keep nothing of you, and have stopped writing for you.",
    "model_info": "Model {name} ({id}): {parameters} parameters, {loss}. Runs on {device} with "
    "the {engine} engine and {threads} threads. Speed of the last answer: {speed}. "
    "Styles: {styles}. LitteraGPT {version}.",
    "loss": "loss {loss} nats per character",
    "loss_unknown": "no measured loss",
    "speed": "{speed:.0f} characters per second",
    "speed_unknown": "not measured yet",
    "no_styles": "none",
    "native": "native",
    "pytorch": "pytorch",
    "pytorch-graphs": "pytorch in CUDA graphs",
    "kernels": "GPU kernels",
    "kernels-graphs": "GPU kernels in CUDA graphs",
    # admins
    "not_admin": "That command is only for whoever runs the bot.",
    "reload_choose": "Which model shall I load? {name} is writing now.",
    "reload_previous": "the previous one",
    "reloading": "Loading {name}...",
    "reload_done": "Model loaded in {seconds} s: from {old} to {new}; {loss}.",
    "reload_failed": "Staying with {old}. {error}",
    "reload_followed": "{name}: writes with {new}.",
    "reload_behind": "{name}: goes on with {old}. {error}",
    "reload_unheard": "{name}: has not answered yet; it will load it as soon as it can.",
    "reload_none": "There is no previous model to go back to.",
    "reload_under_way": "A model is being loaded already; wait until that is done.",
    "paused_done": "Paused: I finish what I began and take no new requests until /reanudar.",
    "resumed_done": "Taking requests again.",
    "replica_loaded": "Replica {name} on {node}: loaded in {seconds} s.",
    "replica_failed": "Replica {name} on {node}: no. {error}",
    "replica_undone": "Replica {name} on {node}: unchanged.",
    "replicas_report": "Replicas: {count}, writing {writing} of {rows} at a time",
    "replicas_none": "Replicas: none",
    "replica_report": "{name} on {node}: {checkpoint}, {device}, writing {writing} of {rows}",
    "status_report": """\
{state} for {uptime}; version {version}, Python {python}, PyTorch {torch}
Model {name} ({id}), {device}, {threads} threads
Running {running}, waiting {waiting}, answered {answered}, failed {failed}
First sign p50 {ack50} p99 {ack99}; answer p50 {answer50} p99 {answer99}
Loop p99 {lag}; memory {memory} and engine {worker_memory}; engine restarts {restarts}
Platforms: {platforms}. Store: {store}""",
    "store_fine": "in order",
    "state_serving": "Serving",
    "state_paused": "Paused",
    "connected": "connected",
    "disconnected": "not connected",
    "partly_connected": "partly connected",
    "sessions_spent": "not connected: Discord takes no more sessions for {wait}",
    "line_report": "servers {servers}, {latency} ms",
    "standing_by": "standing by",
    "member": "Process {name}: {platforms}; {checkpoint}; {running} running, {waiting} waiting",
    "member_silent": "Process {name}: silent for {since}",
    "members_more": "And {more} processes more",
    # names of commands and options, for platforms that localize them
    "name_escribe": "write",
    "name_ayuda": "help",
    "name_modelo": "model",
    "name_privacidad": "privacy",
    "name_cancelar": "cancel",
    "name_recargar": "reload",
    "name_estado": "status",
    "name_pausar": "pause",
    "name_reanudar": "resume",
    "name_frase": "phrase",
    "name_estilo": "style",
    "name_frases": "sentences",
    "name_temperatura": "temperature",
    "name_semilla": "seed",
    "name_borrar": "delete",
    "name_privado": "private",
    "name_tarjeta": "card",
    "name_checkpoint": "checkpoint",
    # descriptions of commands, options and menus
    "command_escribe": "Continues a phrase in the manner of the Spanish classics",
    "command_ayuda": "What I can do",
    "command_modelo": "Which model writes",
    "command_privacidad": "What I keep and what not",
    "command_cancelar": "Stops what I am writing for you",
    "command_info": "Seed and model of a text of mine",
    "command_start": "Begin",
    "command_recargar": "Changes the model without interrupting anything",
    "command_estado": "How the bot is doing",
    "command_pausar": "Takes no new requests",
    "command_reanudar": "Takes requests again",
    "menu_continue": "Continue with LitteraGPT",
    "menu_info": "About this text",
    "option_frase": "The beginning of the text",
    "option_estilo": "The author whose manner I take",
    "option_frases": "How many sentences I write, 1 to 5",
    "option_temperatura": "From 0 (the most likely) to 2 (the boldest)",
    "option_semilla": "The same seed gives the same text",
    "option_borrar": "Removes what I keep of you",
    "option_privado": "Only you see the answer",
    "option_tarjeta": "With a picture to share, like a page of an old book",
    # the web page
    "web_skip": "Skip to the text",
    "web_phrase": "The beginning of a sentence, in Spanish",
    "web_example": "En un lugar de la Mancha",
    "web_hint": "Press Enter to write, Esc to stop.",
    "web_style": "Author",
    "web_any_style": "Any",
    "web_sentences": "Sentences",
    "web_temperature": "Temperature",
    "web_write": "Write",
    "web_stop": "Stop",
    "web_copy": "Copy",
    "web_save": "Save the picture",
    "web_share": "Share",
    "web_answer": "The text",
    "web_options": "How it is written",
    "web_actions": "What to do with the text",
    "web_writing": "Writing…",
    "web_done": "Written.",
    "web_stopped": "Stopped.",
    "web_lost": "The connection was lost; try again, please.",
    "web_refused": "I do not understand that request: reload the page, please.",
    "web_copied": "Copied.",
    "web_keep": "Choose ending {number}",
    "web_choose": "Choose an ending; until then the text stays as it is.",
    "web_kept": "Chosen.",
    "web_drawing": "Setting the card…",
    "web_drawn": "The card is below the text.",
    "web_dark": "Dark mode",
    "web_how": "Seed {seed} · model {checkpoint}",
    "web_made_up": "What you read here is made up by a program: it quotes nobody.",
    "web_privacy": "Your phrase serves to answer you and is not kept.",
    "web_privacy_logged": "The operator of this page has chosen to keep phrases in its log.",
    "web_examples": "Phrases to begin with",
    "web_calm": "calm",
    "web_delirious": "delirious",
    "web_surprise": "Surprise me",
    "web_former": "This is the previous text.",
    "web_history": "My texts",
    "web_history_hint": "Only this browser keeps them.",
    "web_forget": "Delete my texts",
    "web_missing": "Nothing is written here",
    "web_back": "Back to the beginning",
    "web_no_script": "This page needs JavaScript.",
    "card_failed": "I could not show the card here; try again in a moment, or elsewhere.",
    "card_long": "A card holds {limit} characters, and this text has {length}.",
    "cards_full": "Many cards are waiting; try again in a moment.",
    "card_minute": "I set {limit} cards a minute for each person; you can ask again in {wait}.",
    "button_card": "Card",
    # the card
    "card_manner": "In the manner of {author}",
    "card_manner_all": "In the manner of the classics",
    "card_colophon": "Written by a program, LitteraGPT · seed {seed} · model {checkpoint}",
    "option_checkpoint": "The model, or «anterior» for the previous one",
    "about": "I continue your phrases in the manner of the Spanish classics.",
    "about_short": "I continue phrases as the Spanish classics would",
}
