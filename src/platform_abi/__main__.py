"""``python -m platform_abi``."""

import sys

from platform_abi.cli import main

sys.exit(main())
