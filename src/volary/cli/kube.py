"""`volary kube`: embedded clusters for kubectl and tests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from volary.cli import Complaint
from volary.cli.fast import run_fast
from volary.cli.output import print_json, print_table

if TYPE_CHECKING:
    from volary.embedded.api.auth.identity import User
    from volary.embedded.listen import Listen

UP_SECONDS = 30.0
DOWN_SECONDS = 5.0
LOOK_SECONDS = 0.01
RELEASES = tuple(f"1.{minor}" for minor in range(31, 37))  # as `embedded.api.releases` has them; that loads much
USERS_HELP = 'Users beside the admin: lines of token,user,uid,"group,group".'
NAME = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def default_folder() -> Path:
    """Return where clusters are kept when no --dir is given."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "volary" / "kube"


folder_option = click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="State folder.")


@click.group("kube", short_help="Embedded clusters")
def kube_command() -> None:
    """Embedded clusters: a Kubernetes API, controllers, pods as local processes, Envoy as the mesh.

    Objects are in memory and end with the process, or are kept on disk (--keep) for the next start.

    \b
    Examples:
      volary kube up west east
      export KUBECONFIG=$(volary kube list -o json | jq -r .kubeconfig)
      volary kube down
    """


@kube_command.command("up", short_help="Start clusters")
@click.argument("names", nargs=-1)
@folder_option
@click.option("--foreground", is_flag=True, help="Stay in the foreground until Ctrl-C.")
@click.option("--audit", is_flag=True, help="Write an audit log (metadata) for each.")
@click.option("--keep", is_flag=True, help="Keep objects on disk; begin with those that were kept.")
@click.option("--no-pods", "apis", multiple=True, metavar="NAME", help="Run no pods in this one (repeatable).")
@click.option("--one-port", is_flag=True, help="All on one port, under /clusters/NAME, instead of a port each.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port, of one cluster or with --one-port.")
@click.option("--plain", is_flag=True, help="HTTP without TLS; kubectl then sends no token.")
@click.option("--listen", default="127.0.0.1", metavar="ADDRESS", help="Listen there (default 127.0.0.1).")
@click.option("--listen-anyway", "anyway", is_flag=True, help="Also where other computers can reach it.")
@click.option("--users", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=USERS_HELP)
@click.option("--kubernetes", "version", type=click.Choice(RELEASES), help="Be that Kubernetes (default: the last).")
@click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON.")
def up_command(
    names: tuple[str, ...], folder: Path | None, foreground: bool, output: str | None, **options: Any
) -> None:
    """Start embedded clusters (default: one, named kube) and write a kubeconfig with a context for each.

    \b
    Examples:
      volary kube up
      volary kube up hub west east --no-pods hub
      volary kube up west --keep
      volary kube up a b c --one-port --port 6443
      volary kube up west --foreground --audit --dir ./clusters
    """
    folder = (folder or default_folder()).resolve()
    names = names or ("kube",)
    how = How(as_json=output == "json", **options)
    check_names(names, how.apis)
    how.check(len(names))
    how.known()
    if foreground:
        run_fast(serve(names, folder, how))
    else:
        start_behind(names, folder, how)


@dataclass(frozen=True, slots=True)
class How:
    """What is the same for all clusters of one command; named as its options."""

    audit: bool
    keep: bool
    apis: tuple[str, ...]  # names of those that run no pods
    one_port: bool
    port: int
    plain: bool
    listen: str
    anyway: bool
    users: Path | None
    version: str | None
    as_json: bool

    def check(self, clusters: int) -> None:
        """Refuse what cannot be."""
        if self.port and clusters > 1 and not self.one_port:
            raise Complaint("--port is for one cluster; for several on one port add --one-port")
        try:
            self.place().check()
        except ValueError as error:
            raise Complaint(str(error)) from None

    def known(self) -> Mapping[str, User]:
        """Return token -> user of the users beside the admin."""
        from volary.embedded.api.auth.authentication import users_in

        try:
            return users_in(self.users.read_text("utf-8")) if self.users else {}
        except (OSError, ValueError) as error:
            raise Complaint(f"--users {self.users}: {error}") from None

    def place(self) -> Listen:
        """Return where to listen."""
        from volary.embedded.listen import Listen

        return Listen(self.port, self.listen, not self.plain, self.anyway)

    def options(self) -> list[str]:
        """Return the options that say the same to another process."""
        flags = {"--audit": self.audit, "--keep": self.keep, "--one-port": self.one_port, "--plain": self.plain}
        found = [name for name, wanted in (flags | {"--listen-anyway": self.anyway}).items() if wanted]
        found += [f"--port={self.port}", f"--listen={self.listen}"]
        found += [f"--users={self.users.resolve()}"] if self.users else []
        found += [f"--kubernetes={self.version}"] if self.version else []
        return [*found, *(f"--no-pods={name}" for name in self.apis)]


def check_names(names: tuple[str, ...], apis: tuple[str, ...]) -> None:
    """Refuse names that cannot be a context and a folder, that come twice, or that nothing is started for."""
    for name in names:
        if NAME.fullmatch(name) is None:
            raise Complaint(f'"{name}" is not a cluster name: lower-case letters, digits and dashes, 63 at most')
        if names.count(name) > 1:
            raise Complaint(f'"{name}" is named twice; each cluster needs a name of its own')
    for name in apis:
        if name not in names:
            raise Complaint(f"--no-pods {name}: no such cluster is started; those that are: {', '.join(names)}")


async def serve(names: tuple[str, ...], folder: Path, how: How) -> None:
    """Serve until a signal comes or the parent is gone."""
    gc.disable()  # what a start imports is never garbage: looking for it is a twentieth of the start
    from volary.embedded.cluster import Wanted
    from volary.embedded.estate import Estate
    from volary.embedded.keeping.journal import Unusable
    from volary.embedded.mesh.binary import NoEnvoy
    from volary.embedded.state import Busy
    from volary.runtime.clock import SystemClock
    from volary.runtime.lifeline import until_told

    place = how.place()
    users, version = how.known(), how.version or ""
    same: dict[str, Any] = {"audit": how.audit, "keep": how.keep, "version": version, "users": users}
    wanted = [Wanted(name, place, name not in how.apis, **same) for name in names]
    try:
        estate = Estate(folder, wanted, SystemClock(), place if how.one_port else None)
    except (Busy, NoEnvoy, Unusable) as error:
        raise Complaint(str(error)) from None
    async with until_told() as group:
        group.create_task(estate.run())
        await estate.ready.wait()
        gc.freeze()
        gc.enable()
        show(folder, how.as_json)


def start_behind(names: tuple[str, ...], folder: Path, how: How) -> None:
    """Start the same command in the background and wait until its clusters are ready."""
    from volary.embedded.state import Busy, read_state

    if (running := read_state(folder)) is not None:
        raise Complaint(str(Busy(folder, running)))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "volary", "kube", "up", *names, "--foreground", "--dir", str(folder)]
    command += how.options()
    log = folder / "kube.log"
    with log.open("ab") as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
        )
    if wait_for_state(folder, child):
        show(folder, how.as_json)
        return
    said = log.read_text(errors="replace").strip().splitlines()
    child.kill()
    reason = said[-1].removeprefix("volary: ") if said else "no reason was given"
    if not shutil.disk_usage(folder).free:  # the log may have had no room for a reason
        reason = f"no space is left for {folder}; make room and start again"
    raise Complaint(f"the clusters did not start: {reason} (see {log})")


def wait_for_state(folder: Path, child: subprocess.Popen[bytes]) -> bool:
    """Wait until the clusters are ready; False when the child ended or took too long."""
    from volary.embedded.state import read_state

    for _ in range(int(UP_SECONDS / LOOK_SECONDS)):
        if read_state(folder) is not None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_SECONDS)
            return False
    return False


def show(folder: Path, as_json: bool) -> None:
    """Print what runs from a folder."""
    from volary.embedded.state import read_state

    state = read_state(folder)
    if state is None:
        raise Complaint(f"no clusters run from {folder}; start some with: volary kube up")
    if as_json:
        click.echo(msgspec.json.encode(asdict(state)).decode())
        return
    rows = [(name, shown.server, shown.gateway or "-") for name, shown in state.clusters.items()]
    print_table(("name", "server", "gateway"), rows)
    click.echo(f"\nexport KUBECONFIG={state.kubeconfig}")
    for note in (note for shown in state.clusters.values() for note in shown.notes):
        click.echo(f"volary: {note}", err=True)


@kube_command.command("list", short_help="What runs")
@folder_option
@click.option("-o", "--output", type=click.Choice(["json"]), help="Print JSON.")
def list_command(folder: Path | None, output: str | None) -> None:
    """List the clusters that run, with their servers and gateways.

    \b
    Examples:
      volary kube list
      volary kube list -o json | jq -r .kubeconfig
    """
    from volary.embedded.state import read_state

    folder = (folder or default_folder()).resolve()
    if output == "json" and read_state(folder) is None:
        print_json({"clusters": {}})
        return
    show(folder, output == "json")


@kube_command.command("down", short_help="Stop them")
@folder_option
def down_command(folder: Path | None) -> None:
    """Stop the clusters that run. What was in memory is gone; what was kept (--keep) is there at the next start.

    \b
    Examples:
      volary kube down
      volary kube down --dir ./clusters
    """
    from volary.embedded.state import read_state

    folder = (folder or default_folder()).resolve()
    state = read_state(folder)
    if state is None:
        click.echo(f"volary: no clusters run from {folder}", err=True)
        return
    os.kill(state.pid, signal.SIGTERM)
    asyncio.run(wait_until_gone(folder, state.pid))


async def wait_until_gone(folder: Path, pid: int) -> None:
    """Wait until the process has ended; by force after `DOWN_SECONDS`."""
    from volary.embedded.state import alive

    for _ in range(int(DOWN_SECONDS / LOOK_SECONDS)):
        if not alive(pid):
            return
        await asyncio.sleep(LOOK_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # its pods and proxies end with it
