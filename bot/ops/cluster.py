"""`litteragpt cluster`: start, show and stop a Ray cluster, or a node of one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated

import typer

from bot.cluster.ray.options import PORT, ClusterOptions, loopback, ray_is_installed, token_file
from bot.settings.env_file import load_settings
from bot.settings.names import SettingsError
from bot.settings.settings import Settings
from bot.texts import say
from model.errors import LitteraError
from model.printable import escape_controls

app = typer.Typer(
    help="Varias réplicas que escriben, en un clúster de Ray.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command(help="Enciende un clúster en esta máquina, o un nodo que se une a otro.")
def up(
    replicas: Annotated[int, typer.Option(min=1, help="Cuántas réplicas escriben.")] = 1,
    max_replicas: Annotated[
        int, typer.Option(min=0, help="Hasta cuántas, según el trabajo; 0 es siempre las mismas.")
    ] = 0,
    cpus: Annotated[float, typer.Option(min=0.1, help="Procesadores de cada réplica.")] = 1.0,
    gpus: Annotated[
        float, typer.Option(min=0.0, help="GPU de cada réplica, también en partes: 0.25.")
    ] = 0.0,
    node_cpus: Annotated[
        int | None,
        typer.Option(min=0, help="Procesadores que ofrece este nodo; por omisión, los que tiene."),
    ] = None,
    node_gpus: Annotated[int, typer.Option(min=0, help="GPU que ofrece este nodo.")] = 0,
    host: Annotated[
        str, typer.Option(help="Dirección de esta máquina que conocen los otros nodos.")
    ] = loopback(),
    port: Annotated[int, typer.Option(min=1024, max=65_535, help="Puerto.")] = PORT,
    join: Annotated[
        str | None, typer.Option(metavar="MÁQUINA:PUERTO", help="El clúster al que se une.")
    ] = None,
) -> None:
    """Start a head with replicas, or a node that joins a head. A running head gets the new number
    of replicas."""
    from bot.cluster.ray import node as nodes
    from model.cpu import available_cores

    settings = _settings()
    wanted = _arguments(settings, replicas, max_replicas, cpus, gpus)
    if (there := nodes.remembered(settings)) is not None:
        if join is not None or not there.head:
            raise LitteraError(say("cluster_there", address=there.address))
        nodes.deploy(settings, there.address, wanted)
        typer.echo(say("cluster_up", address=there.address, replicas=replicas))
        return
    node = nodes.start(
        settings,
        join=join,
        host=host,
        port=port,
        cpus=available_cores() if node_cpus is None else node_cpus,
        gpus=node_gpus,
    )
    if join is not None:
        typer.echo(say("cluster_joined", address=node.address))
        return
    try:
        nodes.deploy(settings, node.address, wanted)
    except LitteraError:
        nodes.end(settings, node)
        raise
    typer.echo(say("cluster_up", address=node.address, replicas=replicas))


@app.command(help="Muestra qué réplicas escriben y con qué modelo.")
def status() -> None:
    """Print the replicas of the cluster at RAY_ADDRESS, or of the one started here."""
    from bot.cluster.ray import node as nodes

    settings = _settings()
    address = settings.ray_address
    if address is None:
        there = nodes.remembered(settings)
        if there is None:
            raise LitteraError(say("cluster_none"))
        address = there.address
    for line in asyncio.run(_status(settings, address)):
        typer.echo(escape_controls(line))


@app.command(help="Apaga lo que «cluster up» encendió en esta máquina, y nada más.")
def down() -> None:
    """End the node that was started here."""
    from bot.cluster.ray import node as nodes

    settings = _settings()
    there = nodes.remembered(settings)
    if there is None:
        raise LitteraError(say("cluster_none"))
    if there.head:
        with contextlib.suppress(LitteraError):  # no replica is left to finish a text
            nodes.deploy(settings, there.address, None)
    nodes.end(settings, there)
    typer.echo(say("cluster_down", address=there.address))


async def _status(settings: Settings, address: str) -> list[str]:
    from bot.admin.reports import label, replicas_report
    from bot.executor.executor import Executor

    options = ClusterOptions(
        address, settings.checkpoints_dir, token_file=token_file(settings.state_dir)
    )
    executor = Executor(options)
    await executor.start()
    try:
        model = say("cluster_status", address=address, model=label(executor.serving))
        return [model, *replicas_report(executor.pool.replicas)]
    finally:
        await executor.close()


def _arguments(
    settings: Settings, replicas: int, max_replicas: int, cpus: float, gpus: float
) -> dict[str, object]:
    """See bot.cluster.ray.application.Arguments."""
    return {
        "checkpoint": settings.checkpoint,
        "engine": settings.engine,
        "device": settings.device,
        "threads": settings.threads,
        "rows": settings.max_batch,
        "min_replicas": replicas,
        "max_replicas": max(replicas, max_replicas),
        "cpus": cpus,
        "gpus": gpus,
    }


def _settings() -> Settings:
    if not ray_is_installed():
        raise SettingsError(say("no_ray_here"))
    return load_settings()
