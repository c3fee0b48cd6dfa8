"""`python -m heaptui`, and the `heaptui` command."""

from __future__ import annotations

import sys

from heaptui.cli.main import main as run_command_line


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_command_line())


if __name__ == "__main__":
    main()
