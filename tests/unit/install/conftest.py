"""The same servers as the tests of the command line."""

from tests.unit.cli.conftest import servers, volary

__all__ = ["servers", "volary"]
