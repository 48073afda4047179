"""Where pods are: the address that the API shows, and the one that really answers.

    10.C.x.y    in Pod status and EndpointSlices: the API refuses loopback addresses there
    127.C.x.y   where the pod listens, on Linux, whose whole 127/8 needs no set-up
    127.0.0.1   where the pod listens elsewhere, each pod on ports of its own

C is one for each cluster and free on this machine, so that any number of clusters run side by side.
"""

from __future__ import annotations

import random
import socket
import sys
from dataclasses import dataclass

MOST_PODS = 254 * 254
SHARED_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """The two addresses of one pod."""

    number: int
    ip: str
    host: str


class Addresses:
    """Gives each pod an address; numbers are reused last of all, so that a late request finds nobody."""

    def __init__(self, network: int, shared_host: bool = False) -> None:
        self.network = network
        self.shared_host = shared_host
        self._used: set[int] = set()
        self._last = 0
        self._claim: socket.socket | None = None

    def take(self) -> Place:
        """Return a free address. Raises: OSError when all are taken."""
        for _ in range(MOST_PODS):
            self._last = self._last % MOST_PODS + 1
            if self._last not in self._used:
                self._used.add(self._last)
                return self._place(self._last)
        raise OSError(f"all {MOST_PODS} pod addresses are taken")

    def give_back(self, place: Place) -> None:
        self._used.discard(place.number)

    def gateway_host(self) -> str:
        """Return the address at which this cluster's gateway may listen; pods never get it."""
        return SHARED_HOST if self.shared_host else f"127.{self.network}.255.1"

    def close(self) -> None:
        if self._claim is not None:
            self._claim.close()

    def _place(self, number: int) -> Place:
        third, fourth = divmod(number - 1, 254)
        tail = f"{self.network}.{third}.{fourth + 1}"
        return Place(number, f"10.{tail}", SHARED_HOST if self.shared_host else f"127.{tail}")


def claim_addresses(rng: random.Random) -> Addresses:
    """Return the addresses of a network that no other cluster on this machine uses, until closed or this process ends.

    Raises: OSError when every network is taken.
    """
    numbers = list(range(1, 255))
    rng.shuffle(numbers)
    if sys.platform != "linux" or not _own_loopback(numbers[0]):
        return Addresses(numbers[0], shared_host=True)
    for number in numbers:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0volary-network-{number}")  # an abstract name: the kernel drops it when we end
        except OSError:
            claim.close()
            continue
        addresses = Addresses(number)
        addresses._claim = claim
        return addresses
    raise OSError("every network 127.C of this machine is taken by a running cluster")


def _own_loopback(number: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        try:
            trial.bind((f"127.{number}.0.1", 0))
        except OSError:
            return False
    return True
