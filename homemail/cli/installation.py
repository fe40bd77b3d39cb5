# SPDX-License-Identifier: MIT
"""Which installation a command is about: its settings files, named by an option or by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from homemail.cli.failures import Failed
from homemail.cli.parser import Arguments
from homemail.config.load import DEFAULT_FILE, Loaded, load_with_origins
from homemail.config.settings import Settings


def settings_files(arguments: Arguments) -> Sequence[Path]:
    """Return the settings files of the installation that ``arguments`` name.

    Raises:
        Failed: there is none.
    """
    directory: Path | None = getattr(arguments, "directory", None)
    if directory is not None:
        return directory_files(directory)
    file: Path | None = getattr(arguments, "config", None)
    if file is None and not DEFAULT_FILE.exists():
        raise Failed(
            f"no settings in {DEFAULT_FILE}; name them with --config FILE, "
            'or a directory made by "homemail try" with --directory DIR'
        )
    return (file or DEFAULT_FILE,)


def directory_files(directory: Path) -> Sequence[Path]:
    """Return the settings files of what ``homemail try`` made in ``directory``."""
    made, added = directory / "homemail.toml", directory / "settings.toml"
    if not made.exists():
        raise Failed(f'{directory} was not made by "homemail try": there is no {made}')
    return (made, added) if added.exists() else (made,)


def load_settings(arguments: Arguments) -> Settings:
    """Return the settings of the installation that ``arguments`` name.

    Raises:
        ConfigErrors: what is wrong with them.
        Failed: there are none.
    """
    return load_loaded(arguments).settings


def load_loaded(arguments: Arguments) -> Loaded:
    """Return the settings and where each was set; raises as ``load_settings``."""
    return load_with_origins(settings_files(arguments))
