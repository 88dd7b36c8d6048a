"""``python -m model LINK``: an experiment without a screen; see :mod:`export.command_line`.

The one place where ``model`` looks up to ``export``: the command is named after what it runs.
"""

import sys

from export.command_line import main

if __name__ == "__main__":
    sys.exit(main())
