"""The command line: parse input, call `app`, print. No decisions."""


def main() -> int:
    """Run `volary`; return its exit status."""
    raise NotImplementedError
