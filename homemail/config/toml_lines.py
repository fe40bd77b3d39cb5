# SPDX-License-Identifier: MIT
"""On which line of a TOML file each key stands; the standard library's parser does not say.

Only for text that ``tomllib`` has accepted: nothing is checked here.
"""

from __future__ import annotations

import re
import tomllib

KeyPath = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEAD = re.compile(r"\[\[?")
_KEY = re.compile(r'(?:[A-Za-z0-9_\-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|[ \t.])+')
_VALUE_PIECE = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*|[\[{]|[\]}]|\n|[^\"'#\[\]{}\n]+",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of each table and each key, by its whole path.

    Keys inside an inline table are not told apart: they are where the table's own key is.
    """
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at = _skip(_BLANK, text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if head := _HEAD.match(text, at):
            match = _KEY.match(text, head.end())
            table = _parts(match[0] if match else "")
            lines.setdefault(table, line)
            at = text.find("]", match.end() if match else head.end()) + len(head[0])
        else:
            match = _KEY.match(text, at)
            if not match:
                return lines
            path = table + _parts(match[0])
            for length in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:length], line)
            at = _after_value(text, text.find("=", match.end()) + 1)
        at = _skip(_BLANK, text, at)
    return lines


def line_of(path: KeyPath, lines: dict[KeyPath, int]) -> int:
    """Return the line of ``path``, or of the nearest key that holds it; 0 where there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _after_value(text: str, at: int) -> int:
    """Return the end of the value that begins at ``at``: the first line end outside brackets."""
    depth = 0
    while match := _VALUE_PIECE.match(text, at):
        piece = match[0]
        if piece == "\n" and not depth:
            return at
        depth += (piece in ("[", "{")) - (piece in ("]", "}"))
        at = match.end()
    return len(text)


def _parts(dotted: str) -> KeyPath:
    """Return the parts of a dotted key: ``a."b.c"`` is a, b.c."""
    node = tomllib.loads(f"{dotted.strip()} = 0") if dotted.strip() else {}
    parts: list[str] = []
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        parts.append(name)
    return tuple(parts)
