"""Which commit: what was asked for, and what it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit, and the branch, tag or ref it was asked for by ("" when by its hash alone)."""

    commit: str  # 40 hexadecimal digits
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name}@sha1:{self.commit}" if self.name else f"sha1:{self.commit}"


@dataclass(frozen=True, slots=True)
class Ref:
    """Which revision to follow; a later field wins over an earlier one."""

    branch: str = ""
    tag: str = ""
    name: str = ""  # a full ref, such as refs/pull/1/head
    commit: str = ""  # with `branch`: the commit must be in it

    @property
    def full(self) -> str:
        """Return the full name of the ref at the other end; "" for a commit."""
        if self.commit:
            return ""
        if self.name:
            return self.name
        return f"refs/tags/{self.tag}" if self.tag else f"refs/heads/{self.branch}"

    @property
    def label(self) -> str:
        """Return what stands before the "@" of the revision."""
        return self.branch if self.commit else self.name or self.tag or self.branch
