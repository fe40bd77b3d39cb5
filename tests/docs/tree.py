# SPDX-License-Identifier: MIT
"""The files of the work tree that the documentation tests read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_TEXT = {".py", ".md", ".txt", ".toml", ".cfg", ".transcript", ".sieve", ".sh", ".1", ".service"}
_TEXT_NAMES = {"Makefile", "LICENSE", ".gitignore", "run"}


def text_files(*places: str) -> Iterator[Path]:
    """Yield the files that people write, of these folders or of all."""
    for name in _names():
        file = ROOT / name
        if places and name.split("/")[0] not in places:
            continue
        if (file.suffix in _TEXT or file.name in _TEXT_NAMES) and file.is_file():
            yield file


@cache
def _names() -> tuple[str, ...]:
    """Return every file's path but those that git ignores; without git, those of the package."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        folders = (ROOT / name for name in ("homemail", "tests", "docs", "contrib"))
        found = [file for folder in folders for file in folder.rglob("*")]
        return tuple(sorted(str(file.relative_to(ROOT)) for file in found))
    return tuple(sorted(set(listed.decode().split("\0")) - {""}))
