"""
`corsguard` and `python -m corsguard`: the command line, if its dependencies are installed.
"""

import sys
from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("ada_url", "click", "httpx", "rich")


def main() -> None:
    """
    Run the command line on the arguments of this process, and exit with its code.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        print(  # noqa: T201 - what prints otherwise may be missing
            f'corsguard: the command line needs {", ".join(missing)}. Fix: pip install "corsguard[cli]"',
            file=sys.stderr,
        )
        sys.exit(2)
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
