"""Pins: what each member's GitRepository should say, and what to do where it says something else. Pure.

The API server is the judge of whose field it is: a pin is applied unforced, so one that another manager set comes back
as a conflict, and the look then names that manager (`Repository.drift`).
"""

from __future__ import annotations

from volary.fleet.facts import Look
from volary.fleet.plan import Announcement, Pin
from volary.fleet.proof import pin_trouble
from volary.fleet.turns import refused


def pin_for(look: Look | None, owner: str, wish: str, previous: str, take: bool = False) -> Pin | None:
    """Return the write that is needed for the member to be pinned to `wish`, or None."""
    if look is None or look.lost or look.repository is None or not wish or refused(look):
        return None
    there = look.repository
    if there.pin == wish and there.owner == owner:
        return None
    if pin_trouble(there, owner) and not (take and there.drift):
        return None
    return Pin(look.name, wish, previous, there.version, force=take)


def put_back(look: Look, pin: Pin, known: bool) -> tuple[Announcement, ...]:
    """Return the Warning for a pin that was there once and is gone."""
    if not known or (look.repository and look.repository.pin):
        return ()
    text = f"{look.name}: the pin to {pin.commit[:7]} was gone and is put back"
    return (Announcement(text, warning=True, reason="PinRestored", step=pin.version),)
