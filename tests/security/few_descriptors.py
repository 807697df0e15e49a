"""`argus` that may open few files: `python -m tests.security.few_descriptors 200 serve`."""

from __future__ import annotations

import resource
import sys


def main() -> None:
    """Lower the limit and be `argus`."""
    from argus_tui.__main__ import main as argus

    most, *rest = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(most), int(most)))
    sys.argv = ["argus", *rest]
    argus()


if __name__ == "__main__":
    main()
