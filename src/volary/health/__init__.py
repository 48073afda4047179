"""Is this object what it was asked to be? One pure table, kind -> rule, the same verdicts as kstatus."""

from volary.health.fields import HEALTH
from volary.health.kstatus import CURRENT, FAILED, IN_PROGRESS, NOT_FOUND, TERMINATING, Verdict, verdict_of

__all__ = ["CURRENT", "FAILED", "HEALTH", "IN_PROGRESS", "NOT_FOUND", "TERMINATING", "Verdict", "verdict_of"]
