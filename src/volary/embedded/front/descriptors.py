"""Room for connections: each is an open file, and the system's usual limit of those is lower than ours."""

from __future__ import annotations

import resource

RESERVE = 256  # for pods, their logs, watches of our own
FEWEST = 64


def room_for(connections: int) -> int:
    """Raise this process's limit of open files as far as it may; return how many connections that leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + RESERVE
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # some systems have a lower limit of their own
        wanted = soft
    return max(FEWEST, min(connections, wanted - RESERVE))
