"""`python -m storyboard`: the command line."""

import sys

from storyboard.cli import main

if __name__ == "__main__":
    sys.exit(main())
