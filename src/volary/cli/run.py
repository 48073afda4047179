"""`volary run`: the controllers."""

from __future__ import annotations

import click

from volary.cli.connect import Connection, cluster_options
from volary.cli.fast import run_fast


@click.command("run", short_help="The controllers")
@click.option("--features", default="canary,sync,fleet", show_default=True, help="What to do in this cluster.")
@click.option("--metrics-server", default="", help="PromQL endpoint for canaries that name none.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@cluster_options()
def run_command(features: str, metrics_server: str, log_format: str, log_level: str, connection: Connection) -> None:
    """Run the controllers against the cluster of a kubeconfig, until Ctrl-C.

    Where that cluster is a hub, also do in each Cluster what its spec.features names. Several of these may run side by
    side: a Lease lets one of them work.

    \b
    Examples:
      volary run                                    all features, the current context
      volary run --context hub
      volary run --context west --features canary   beside Flux
    """
    from volary.cli.install import features_of
    from volary.runtime.log import configure

    wanted = features_of(features)
    configure(log_format, log_level)  # type: ignore[arg-type]
    run_fast(serve(wanted, metrics_server, connection))


async def serve(features: tuple[str, ...], metrics_server: str, connection: Connection) -> None:
    """Run until a signal comes or the parent is gone."""
    from volary.app import Options, Program, real_seams
    from volary.runtime.lifeline import until_told

    options = Options(features, connection.namespace, metrics_server)
    async with real_seams() as seams:
        program = Program(connection.access(), options, seams)
        async with until_told() as group:
            group.create_task(program.run())
