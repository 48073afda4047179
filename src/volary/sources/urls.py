"""Which URLs are taken. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from volary.sources import SourceError

SCP_LIKE = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>[^/].*)")
SCHEMES = ("http", "https", "ssh")


def check_url(url: str) -> None:
    """Refuse what is not a plain http, https or ssh URL. Raises: SourceError, with what to write instead."""
    if re.search(r"[\x00-\x20\x7f]", url) or url.startswith("-"):
        raise refused("spec.url holds a character that no URL has")
    scp = SCP_LIKE.fullmatch(url) if "://" not in url else None
    if scp:
        user = f"{scp['user']}@" if scp["user"] else ""
        raise refused(f'spec.url "{url}" is not a URL; write ssh://{user}{scp["host"]}/{scp["path"]}')
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise refused("spec.url cannot be read as a URL") from None
    if parts.scheme not in SCHEMES:
        raise refused(f'spec.url begins with "{parts.scheme}:"; allowed: http, https and ssh')
    if not host or host.startswith("-"):
        raise refused("spec.url names no host")
    if parts.password is not None or (parts.username and parts.scheme != "ssh"):
        raise refused("spec.url holds a user or password; put them into the Secret that spec.secretRef names")
    if (parts.username or "").startswith("-") or parts.query or parts.fragment:
        raise refused("spec.url has a query, a fragment or an odd user, which a Git URL does not have")


def refused(message: str) -> SourceError:
    return SourceError("URLInvalid", message, lasting=True)
