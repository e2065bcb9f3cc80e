"""The command `litteragpt`: argument parsing, output and exit codes.

Other packages add commands through the entry-point group `litteragpt.commands`. Each command
imports its implementation on use, which keeps `--help` fast.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Annotated

import typer

from bot.ops.cluster import app as cluster
from bot.ops.usage import describe_usage_error
from bot.settings.env_file import load_settings, unknown_settings
from bot.settings.names import SettingsError
from bot.settings.settings import Settings
from bot.texts import explain, say
from bot.texts.formatting import program, shorten
from bot.texts.wrapping import fitted
from model.errors import CheckpointError, CodedError, DeviceError, LitteraError
from model.printable import escape_controls

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: a restart would not help
EXIT_INTERRUPTED = 130

# Panels of `--help`.
_FIRST, _BOT, _MODELS = "Para empezar", "Para quien tiene un bot", "Modelos"

app = typer.Typer(
    name="litteragpt",
    help="Escribe dos frases que continúan la suya, al modo de los clásicos españoles.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(say("not_integer", value=shorten(text))) from None


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise typer.BadParameter(say("not_number", value=shorten(text))) from None


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            expected = f"{', '.join(choices[:-1])} o {choices[-1]}"
            raise typer.BadParameter(say("not_among", value=shorten(text), expected=expected))
        return text

    return check


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Muestra la versión y termina.", is_eager=True)
    ] = False,
) -> None:
    if show_version:
        typer.echo(f"litteragpt {version('litteragpt')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(help="Continúa una frase y termina.", rich_help_panel=_FIRST)
def escribe(
    frase: Annotated[
        list[str],
        typer.Argument(help="La frase; «-» la lee de la entrada estándar.", metavar="FRASE"),
    ],
    frases: Annotated[
        int | None, typer.Option(parser=_integer, metavar="N", help="Cuántas frases (1 a 5).")
    ] = None,
    estilo: Annotated[str | None, typer.Option(help="Autor, por ejemplo galdos.")] = None,
    temperatura: Annotated[
        float | None, typer.Option(parser=_number, metavar="T", help="De 0 a 2.")
    ] = None,
    semilla: Annotated[
        int | None,
        typer.Option(parser=_integer, metavar="N", help="La misma semilla da el mismo texto."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Modelo, por su nombre o por su carpeta.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Muestra un objeto JSON.")] = False,
) -> None:
    from bot.ops.generate_once import answer, read_phrase

    settings = _settings()
    options = settings.options(
        sentences=frases, style=estilo, temperature=temperatura, seed=semilla
    )
    phrase = read_phrase(" ".join(frase))
    written = answer(phrase, options, settings, checkpoint or settings.checkpoint)
    if as_json:
        typer.echo(escape_controls(written.to_json()))
        return
    _tell(written.result.text)
    for notice in written.notices:
        _tell(f"({notice})", err=True)


@app.command(
    help="Enciende el bot; sin tokens de ninguna plataforma, conversa en la terminal.",
    rich_help_panel=_FIRST,
)
def bot() -> None:
    from bot.ops.startup_checks import check_front_end

    settings = _settings()
    check_front_end(settings)
    _serve(settings)


@app.command(help="Atiende la página web, y ninguna otra plataforma.", rich_help_panel=_FIRST)
def web() -> None:
    from bot.app import web_alone
    from bot.private_files import tighten

    settings = _settings()
    tighten(settings.state_dir)
    _serve(web_alone(settings))


@app.command(
    help="Pide los tokens de las plataformas, los comprueba y los guarda en .env.",
    rich_help_panel=_BOT,
)
def setup() -> None:
    from bot.ops.setup import set_up

    set_up(_tell)


@app.command(
    help="Comprueba todo lo que el bot necesita y dice cómo remediar lo que falle.",
    rich_help_panel=_BOT,
)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Muestra un objeto JSON.")] = False,
) -> None:
    from bot.ops.doctor import examine
    from bot.ops.doctor.findings import HANG, as_lines, is_well
    from bot.ops.doctor.findings import as_json as to_json

    findings = asyncio.run(examine())
    if as_json:
        typer.echo(escape_controls(to_json(findings)))
    else:
        _tell("\n".join(as_lines(findings)), hang=HANG)
    if not is_well(findings):
        raise typer.Exit(EXIT_FAILURE)


@app.command(
    help="Muestra los enlaces para añadir el bot a un servidor, una cuenta o un grupo.",
    rich_help_panel=_BOT,
)
def invite() -> None:
    from bot.ops.invite import invitations

    lines, problems = asyncio.run(invitations(_settings()))
    for line in lines:
        _tell(line)
    for problem in problems[:-1]:
        _tell(str(problem), err=True)
    if problems:
        raise problems[-1]


@app.command(help="Mide lo deprisa que escribe esta máquina.", rich_help_panel=_MODELS)
def bench(
    checkpoint: Annotated[
        str | None, typer.Option(help="Modelo, por su nombre o por su carpeta.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Muestra un objeto JSON.")] = False,
) -> None:
    from bot.ops.bench import measure

    settings = _settings()
    measured = measure(settings, checkpoint or settings.checkpoint)
    if as_json:
        typer.echo(escape_controls(measured.to_json()))
        return
    _tell("\n".join(measured.lines()))


@app.command(
    help="Escribe un modelo en el formato de otro motor: transformers o llama.cpp.",
    rich_help_panel=_MODELS,
)
def export(
    checkpoint: Annotated[str, typer.Argument(help="El modelo, por su nombre o por su carpeta.")],
    out: Annotated[
        Path, typer.Argument(help="La carpeta (hf) o el archivo (gguf) que se escribe.")
    ],
    format: Annotated[
        str, typer.Option(parser=_one_of("hf", "gguf"), metavar="hf|gguf", help="El formato.")
    ],
    precision: Annotated[
        str,
        typer.Option(
            parser=_one_of("f32", "f16", "q8_0"),
            metavar="f32|f16|q8_0",
            help="Cómo se guardan los pesos; q8_0 sólo en gguf.",
        ),
    ] = "f32",
    force: Annotated[bool, typer.Option("--force", help="Sustituye lo que ya exista.")] = False,
) -> None:
    from bot.ops.convert import export_checkpoint
    from model.checkpoint.discovery import find_checkpoint

    path = find_checkpoint(checkpoint, _settings().checkpoints_dir)
    name = export_checkpoint(path, out, format, precision, force=force)
    _tell(say("exported", name=name, out=out, format=format, precision=precision))


@app.command(
    "import",
    help="Convierte el modelo publicado de LitteraGPT 0.1.0 (un archivo .pt).",
    rich_help_panel=_MODELS,
)
def import_(
    file: Annotated[Path, typer.Argument(help="El archivo .pt; no se ejecuta nada de él.")],
    out: Annotated[Path, typer.Argument(help="La carpeta del modelo que se escribe.")],
    vocab: Annotated[
        Path | None,
        typer.Option(metavar="token_map.json", help="El número de cada carácter, en JSON."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Sustituye lo que ya exista.")] = False,
) -> None:
    from bot.ops.convert import import_checkpoint

    import_checkpoint(file, out, vocab, force=force)
    _tell(say("imported", out=out))


@app.command(help="Pregunta al bot en marcha si puede servir; es lo que mira un contenedor.")
def health() -> None:
    from bot.monitoring.healthcheck import readiness, unwell

    settings = _settings()
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        raise SettingsError(say("health_no_port"))
    parts = readiness(host, port)
    if parts is None:
        raise typer.Exit(_fail(say("health_none", host=host, port=port), EXIT_FAILURE))
    if trouble := unwell(parts):
        raise typer.Exit(_fail(say("doctor_running_unwell", unwell=trouble), EXIT_FAILURE))
    _tell(say("doctor_running_well", parts=", ".join(parts)))


app.add_typer(cluster, name="cluster")


def _tell(text: str, *, err: bool = False, hang: int = 0) -> None:
    """Print a text wrapped to the terminal, to standard error if `err`; see `fitted` for `hang`."""
    typer.echo(fitted(escape_controls(text), sys.stderr if err else sys.stdout, hang), err=err)


def _settings() -> Settings:
    """Load the settings; print a warning for each unknown one."""
    for warning in unknown_settings():
        _tell(warning, err=True)
    return load_settings()


def _serve(settings: Settings) -> None:
    """Run the bot until it ends."""
    from bot.app import run_bot
    from bot.executor.generation import UnavailableError

    try:
        asyncio.run(run_bot(settings))
    except (CheckpointError, DeviceError) as error:
        raise SettingsError(explain(error)) from None
    except UnavailableError as error:
        logging.getLogger(__name__).error("%s", error)
        raise typer.Exit(_fail(say("not_started"), EXIT_FAILURE)) from None


def _fail(text: str, code: int) -> int:
    _tell(text, err=True)
    return code


@cache
def all_commands() -> typer.Typer:
    """The app with the commands of other packages."""
    for point in entry_points(group="litteragpt.commands"):
        app.add_typer(point.load())
    return app


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        result = all_commands()(arguments, prog_name=program(), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as error:
        if not error.format_message():  # typer has printed the help of a command group
            return EXIT_USAGE
        return _fail(describe_usage_error(error), EXIT_USAGE)
    except SettingsError as error:
        return _fail(str(error), EXIT_CONFIG)
    except CodedError as error:
        return _fail(explain(error), EXIT_FAILURE)
    except LitteraError as error:
        return _fail(str(error), EXIT_FAILURE)
    except BrokenPipeError:  # the reader closed the pipe
        return EXIT_FAILURE
    except OSError as error:
        return _fail(say("system", error=error.strerror or error), EXIT_FAILURE)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED


def main() -> None:
    """Entry point of the console script."""
    _prepare_streams()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # already reported; without this the interpreter reports it again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _prepare_streams() -> None:
    """Replace undecodable bytes instead of failing, and closed streams by the null device."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
