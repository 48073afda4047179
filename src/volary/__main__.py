"""`python -m volary` is `volary`."""

import sys

from volary.cli import main

sys.exit(main())
