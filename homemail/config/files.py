# SPDX-License-Identifier: MIT
"""What settings files say: each name with its raw value and its line, and names nobody knows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homemail.config.declare import toml_string, toml_value
from homemail.config.settings import TABLES, Known
from homemail.config.spelling import nearest
from homemail.config.toml_lines import key_lines, line_of
from homemail.errors import ConfigError

_MORE_THAN_ANY_SETTINGS = 1_000_000  # octets; a device or a mailbox named by mistake ends here


@dataclass(frozen=True, slots=True)
class Written:
    """What a file says of one setting."""

    raw: object
    file: Path
    line: int


def read_file(
    file: Path, known: Mapping[str, Known], errors: list[ConfigError]
) -> dict[str, Written]:
    """Return what ``file`` sets; names that nobody knows go to ``errors``.

    Raises:
        ConfigError: the file cannot be read as TOML at all.
    """
    text = _text(file)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(file, text, str(error)) from None
    except RecursionError:
        raise ConfigError("brackets nested too deeply", file=file) from None
    lines = key_lines(text)
    written: dict[str, Written] = {}
    for path, raw in _flat(tree, file, lines, errors):
        line = line_of(path, lines)
        if ".".join(path) in known:
            written[".".join(path)] = Written(raw, file, line)
        else:
            text = _unknown(path, raw, known)
            errors.append(ConfigError(text, file=file, line=line, parameter=".".join(path)))
    return written


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            octets = opened.read(_MORE_THAN_ANY_SETTINGS + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file) from error
    if len(octets) > _MORE_THAN_ANY_SETTINGS:
        raise ConfigError("too big for a settings file", file=file)
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError("expected UTF-8 text", file=file, line=line) from None


def _flat(
    tree: dict[str, Any], file: Path, lines: dict[tuple[str, ...], int], errors: list[ConfigError]
) -> Iterable[tuple[tuple[str, ...], object]]:
    """Yield the path and value of each setting: those at the top, and those in the tables."""
    for name, raw in tree.items():
        if name not in TABLES:
            yield (name,), raw
        elif isinstance(raw, dict):
            yield from (((name, key), value) for key, value in raw.items())
        else:
            text = f"expected a table [{name}], got {toml_value(raw)}"
            errors.append(ConfigError(text, file=file, line=lines.get((name,), 0), parameter=name))


def _syntax_error(file: Path, text: str, said: str) -> ConfigError:
    match = re.search(r" \(at line (\d+), column \d+\)", said)
    line = int(match[1]) if match else text.count("\n") + 1
    what = said[: match.start()] if match else re.sub(r" \(at end of document\)", "", said)
    source = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
    bare = re.match(r"\s*([A-Za-z0-9_]+)\s*=\s*([A-Za-z0-9/$.@][^\"'#\[\]]*?)\s*$", source)
    if bare:
        what += f"; a text stands in quotes: {bare[1]} = {toml_string(bare[2])}"
    return ConfigError(f"not TOML: {what}", file=file, line=line)


def _unknown(path: tuple[str, ...], raw: object, known: Mapping[str, Known]) -> str:
    """Return what to tell somebody who wrote a name that is no setting."""
    if len(path) == 2:
        table, key = path
        if key in known:
            return f"stands below [{table}] and belongs above it, at the top of the file"
        near = nearest(key, (k.key for k in known.values() if k.group == table))
        return f"unknown name in [{table}]{near}"
    (name,) = path
    for ours in known.values():
        if ours.declared.postfix_name(ours.key) == name:
            return f"unknown setting; it is called {ours.name} here"
        if ours.group in TABLES and ours.key == name:
            return f"unknown setting; it belongs below [{ours.group}]"
    if isinstance(raw, dict):
        tables = ", ".join(f"[{table}]" for table in TABLES)
        return f"unknown table{nearest(name, TABLES)}; there is only {tables}"
    return f"unknown setting{nearest(name, known)}"
