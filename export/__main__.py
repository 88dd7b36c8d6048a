"""``python -m export LINK``: an experiment without a screen; see :mod:`export.command_line`."""

import sys

from export.command_line import main

if __name__ == "__main__":
    sys.exit(main())
