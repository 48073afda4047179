"""`volary install` and `volary uninstall`: print what goes in; take out what is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click
import yaml

from volary import __version__
from volary.cli import Complaint
from volary.cli.connect import Connection, cluster_options
from volary.install import FEATURES, MADE_BY_US, definitions_missing_in, manifests, member_manifests
from volary.kube.objects import NewObject, labels_of, name_of
from volary.kube.resources import DEFINITIONS

IMAGE = f"volary:{__version__}"
FEATURES_TEXT = ",".join(FEATURES)


def features_of(text: str) -> tuple[str, ...]:
    """Return the features in a comma list. Raises: Complaint."""
    features = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [feature for feature in features if feature not in FEATURES]
    if unknown or not features:
        what = f"{', '.join(unknown)} is none; " if unknown else ""
        raise Complaint(f'--features "{text}": {what}choose from {", ".join(FEATURES)}')
    return tuple(feature for feature in FEATURES if feature in features)


def printed(objects: Sequence[NewObject]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False, width=120)


@click.command("install", short_help="Print what a cluster needs")
@click.option("--features", default=None, help=f"What is to run here.  [default: {FEATURES_TEXT}]")
@click.option("--member", is_flag=True, help="An account for a hub instead; --features is what the hub does here.")
@click.option("--image", default=IMAGE, show_default=True, help="Image of the controllers.")
@click.option("--crds-only", is_flag=True, help="Only the CustomResourceDefinitions.")
@click.option("--offline", is_flag=True, help="Do not ask the cluster which CRDs it has; print all.")
@cluster_options(namespace=False)
def install_command(
    features: str | None, member: bool, image: str, crds_only: bool, offline: bool, connection: Connection
) -> None:
    """Print CRDs, the least RBAC for each feature and a Deployment, for kubectl.

    CRDs of Flux's, Flagger's and Istio's kinds are printed only where the cluster lacks them.

    \b
    Examples:
      volary install | kubectl apply -f -
      volary install --features canary,sync --image registry.example/volary:1.0 | kubectl apply -f -
      volary install --member --features canary --context west | kubectl --context west apply -f -
    """
    wanted = member_features(features) if member else features_of(FEATURES_TEXT if features is None else features)
    installed = [] if offline else asyncio.run(installed_in(connection))
    if crds_only:
        found = definitions_missing_in(installed, wanted)
    elif member:
        found = member_manifests(wanted, installed)
    else:
        found = manifests(wanted, image, installed)
    click.echo(printed(found), nl=False)


def member_features(text: str | None) -> tuple[str, ...]:
    """Return what the hub does in a member: nothing, unless it is said. Raises: Complaint."""
    features = features_of(text) if text else ()
    if "fleet" in features:
        raise Complaint(f'--features "{text}": in a member the hub does canary and sync; fleet is for the hub itself')
    return features


async def installed_in(connection: Connection) -> list[str]:
    """Return the names of the CRDs of other projects in a cluster; those that we made do not count."""
    async with connection.client() as client:
        listing = await client.list(DEFINITIONS)
    return [name_of(item) for item in listing.items if not ours(item)]


def ours(definition: NewObject) -> bool:
    """Was this definition printed by `volary install`?"""
    return labels_of(definition).items() >= MADE_BY_US.items()


@click.command("uninstall", short_help="Take Volary out of a cluster")
@click.option("--release-pins", is_flag=True, help="Give up every pin first: each member follows its branch again.")
@click.option("--yes", is_flag=True, help="Do it; without this, only say what would be done.")
@cluster_options(namespace=False)
def uninstall_command(release_pins: bool, yes: bool, connection: Connection) -> None:
    """Take the controllers and our own CRDs out of the current cluster.

    Pins are kept unless --release-pins is given. CRDs of Flux's, Flagger's and Istio's kinds stay.

    \b
    Examples:
      volary uninstall
      volary uninstall --release-pins --yes
    """
    from volary.cli.removal import remove

    asyncio.run(remove(connection, release_pins, yes))
