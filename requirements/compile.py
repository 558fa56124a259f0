"""Resolve pyproject.toml into pinned, hashed requirements for every supported Python.

The files name no index and no address, so they install from whatever index the reader uses.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Write requirements/demo.txt and requirements/dev.txt."""
    for extra in ("demo", "dev"):
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml"),
            *("--extra", extra, "--group", "build", "--universal", "--generate-hashes"),
            *("--no-annotate", "--no-header", "--no-emit-package", "spanledger", "--upgrade"),
            *("--quiet", "--output-file", f"requirements/{extra}.txt"),
        ]
        subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603 - a fixed command


if __name__ == "__main__":
    main()
