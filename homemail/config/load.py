# SPDX-License-Identifier: MIT
"""Settings files to ``Settings``: all of it, or every error and nothing.

A file is TOML: the names of the settings at its top, ports in the table ``[ports]``. Of several
files the later one overrides the earlier one, name by name. ``$name`` is filled in as in Postfix
(``homemail.config.expand``), in what the files say and in the defaults. In a list, an item that is
nothing but ``$name`` of another list becomes that list's items.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from homemail.config.check import check
from homemail.config.files import Written, read_file
from homemail.config.settings import Settings, groups, known_settings
from homemail.config.values import Undefined, Values, WrongValue
from homemail.errors import ConfigError, ConfigErrors

DEFAULT_FILE = Path("/etc/homemail/homemail.toml")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting was set."""

    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each one that a file sets was set."""

    settings: Settings
    origins: Mapping[str, Origin]


def load(files: Sequence[Path], *, hostname: Callable[[], str] | None = None) -> Settings:
    """Return the settings in ``files``, later ones over earlier ones.

    ``hostname`` answers what this machine is called, where ``myhostname`` is empty.

    Raises:
        ConfigErrors: everything that is wrong, one error for each.
    """
    return load_with_origins(files, hostname=hostname).settings


def load_with_origins(
    files: Sequence[Path], *, hostname: Callable[[], str] | None = None
) -> Loaded:
    """Return the settings and where each was set; see ``load``."""
    errors: list[ConfigError] = []
    known = known_settings()
    written: dict[str, Written] = {}
    unreadable: list[ConfigError] = []
    for file in files:
        try:
            written |= read_file(file, known, errors)
        except ConfigError as error:
            unreadable.append(error)
    if unreadable:  # what it says may be what the others need
        raise _in_order([*unreadable, *errors], files)
    base = files[0].absolute().parent if files else DEFAULT_FILE.parent
    origins = {name: Origin(at.file, at.line) for name, at in written.items()}
    wrong: list[ConfigError] = []
    settings = _build(Values(known, written, base, hostname or system_hostname), wrong)
    wrong += check(settings) if settings else []
    errors += [located(error, origins) for error in wrong]
    if errors or not settings:
        raise _in_order(errors, files)
    return Loaded(settings, origins)


def located(error: ConfigError, origins: Mapping[str, Origin]) -> ConfigError:
    """Return ``error`` with the place where its parameter was set, if a file sets it."""
    origin = origins.get(error.parameter)
    if origin is None or error.file:
        return error
    return ConfigError(error.text, file=origin.file, line=origin.line, parameter=error.parameter)


def system_hostname() -> str:
    """Return this machine's name with its domain, where the machine knows it without DNS.

    A name without a domain is looked up in ``/etc/hosts`` only: asking DNS could wait for a line
    that is down.
    """
    name = socket.gethostname().strip().rstrip(".") or "localhost"
    if "." in name:
        return name
    try:
        hosts = Path("/etc/hosts").read_text("utf-8", "replace")
    except OSError:
        return name
    names = re.sub(r"#.*", "", hosts).split()
    return next((full for full in names if full.startswith(f"{name}.")), name)


def _build(values: Values, errors: list[ConfigError]) -> Settings | None:
    """Return the settings, or None with something in ``errors``."""
    of_group: dict[str, dict[str, Any]] = {group: {} for group in groups()}
    for known in known_settings().values():
        try:
            of_group[known.group][known.key] = values.value(known.name)
        except Undefined:
            continue
        except WrongValue as error:
            errors.append(ConfigError(str(error), parameter=error.parameter))
    if any(len(of_group[group]) < len(fields(kind)) for group, kind in groups().items()):
        return None
    made: dict[str, Any] = {}
    for group, kind in groups().items():
        try:
            made[group] = kind(**of_group[group])
        except ConfigError as error:
            errors.append(error)
    return Settings(**made) if len(made) == len(groups()) else None


def _in_order(errors: Sequence[ConfigError], files: Sequence[Path]) -> ConfigErrors:
    """Return the errors in the order of the files and of their lines."""
    order = {str(file): number for number, file in enumerate(files)}
    return ConfigErrors(sorted(errors, key=lambda e: (order.get(str(e.file), -1), e.line)))
