"""``python -m platform_abi``."""

import sys

from platform_abi.cli import entry

sys.exit(entry())
