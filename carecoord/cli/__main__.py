"""`python -m carecoord.cli`: how our own processes start each other."""

import sys

from carecoord.cli import main

if __name__ == "__main__":
    sys.exit(main())
