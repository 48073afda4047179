"""Volary: progressive delivery across clusters, driven by Git."""

__version__ = "0.1.0"
