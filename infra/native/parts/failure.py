"""What ends a call with a sentence instead of a traceback."""

import sys


class Failure(Exception):
    """Something that the reader can set right; the text says how."""


def told(main):
    """Runs `main`; a failure is told in one line, and the exit code is 3."""
    try:
        main()
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        sys.exit(130)
