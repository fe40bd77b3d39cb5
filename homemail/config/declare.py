# SPDX-License-Identifier: MIT
"""How a setting is declared: once, with its kind, default and sentence.

A group of settings is a frozen dataclass whose fields are made by ``setting``::

    @dataclass(frozen=True, slots=True)
    class QueueSettings:
        \"\"\"What waits, how long, and where it goes next.\"\"\"

        minimal_backoff_time: float = setting(
            300.0, Time(), "Shortest wait before a message is tried again.", postfix=True
        )

The declaration feeds the parser, its errors, ``homemail settings``, the commented sample and
``docs/settings.md``. A name that Postfix also has keeps Postfix's name and gets ``postfix=True``;
where one setting of ours stands for one with another name there, ``postfix`` is that name. A group
that must refuse values which do not go together does so in ``__post_init__``, with a
``ConfigError`` that names its ``parameter``; the loader adds file and line.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, Protocol

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Kind(Protocol):
    """How a TOML value becomes a setting's value."""

    @property
    def expected(self) -> str:
        """What a right value looks like: ``a time such as "5m"``."""

    def parse(self, value: object) -> Any:
        """Return the setting's value; raises ``ValueError`` where it is not ``expected``."""

    def show(self, value: Any) -> str:
        """Return ``value`` as it is written in TOML."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known of a setting beside its name and default."""

    kind: Kind
    sentence: str
    postfix: bool | str

    def postfix_name(self, name: str) -> str:
        """Return what Postfix calls the setting ``name``, or an empty text."""
        return self.postfix if isinstance(self.postfix, str) else name if self.postfix else ""


def setting(default: Any, kind: Kind, sentence: str, *, postfix: bool | str = False) -> Any:
    """Declare one setting of a group (see the module).

    ``default`` is the value itself, not what TOML writes: seconds, octets, tuples, ``Path``.
    """
    return field(default=default, metadata={"declared": Declared(kind, sentence, postfix)})


def declared(of: Field[Any]) -> Declared:
    """Return what was said of a field made by ``setting``."""
    known: Declared = of.metadata["declared"]
    return known


def toml_string(text: str) -> str:
    """Return ``text`` as a TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'


def toml_value(raw: object) -> str:
    """Return a value that came from TOML as it was written there, cut short, for a message."""
    if isinstance(raw, str):
        text = toml_string(raw)
    elif isinstance(raw, list):
        text = "[" + ", ".join(toml_value(item) for item in raw) + "]"
    elif isinstance(raw, dict):
        text = "a table"
    else:
        text = str(raw).lower() if isinstance(raw, bool) else str(raw)
    return text if len(text) <= 80 else text[:77] + "..."


class Text:
    """A string."""

    expected = 'a text such as "mail.example.org"'

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(self.expected)
        return value

    def show(self, value: str) -> str:
        return toml_string(value)


@dataclass(frozen=True, slots=True)
class Template(Text):
    """A string whose ``$names`` are filled in at the time of use (``$home``, ``$user``).

    ``$name`` of a setting is filled in when the file is read, as everywhere;
    ``homemail.config.expand`` does the rest later.
    """

    names: tuple[str, ...]


class TextList:
    """A list of strings."""

    expected = 'a list such as ["one", "two"]'

    def parse(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(self.expected)
        return tuple(value)

    def show(self, value: tuple[str, ...]) -> str:
        return "[" + ", ".join(toml_string(item) for item in value) + "]"


@dataclass(frozen=True, slots=True)
class TemplateList(TextList):
    """A list of strings as in ``Template``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words(TextList):
    """A list of known words, each once, in any case."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:  # type: ignore[override]
        return "a list out of " + ", ".join(toml_string(word) for word in self.words)

    def parse(self, value: object) -> tuple[str, ...]:
        known = {word.upper(): word for word in self.words}
        found = [word.upper() for word in TextList().parse(value)]
        if len(set(found)) < len(found) or not known.keys() >= set(found):
            raise ValueError(self.expected)
        return tuple(known[word] for word in found)


class Url:
    """The address of a web service; ``https``, or ``http`` on this machine; or empty."""

    expected = "an https:// address, or an empty text"

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(self.expected)
        from urllib.parse import urlsplit  # no command that only reads settings waits for it

        parts = urlsplit(value)
        is_local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if value and not (parts.hostname and (parts.scheme == "https" or is_local)):
            raise ValueError(self.expected)
        return value

    def show(self, value: str) -> str:
        return toml_string(value)


@dataclass(frozen=True, slots=True)
class Pattern(Text):
    """A regular expression with so many groups or more."""

    groups: int = 0

    @property
    def expected(self) -> str:  # type: ignore[override]
        return "a regular expression" + (" with a group in parentheses" if self.groups else "")

    def parse(self, value: object) -> str:
        try:
            if isinstance(value, str) and re.compile(value).groups >= self.groups:
                return value
        except (re.error, OverflowError, RecursionError):
            pass
        raise ValueError(self.expected)


class Switch:
    """True or false."""

    expected = "true or false"

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(self.expected)
        return value

    def show(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number between ``low`` and ``high``."""

    low: int = 0
    high: int = 2**31 - 1

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(self.expected)
        if not self.low <= value <= self.high:
            raise ValueError(self.expected)
        return value

    def show(self, value: int) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(toml_string(word) for word in self.words)

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(self.expected)
        return value

    def show(self, value: str) -> str:
        return toml_string(value)


_LONGEST = 10**11  # seconds: past any use, and exact as a float
_TIME_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Time:
    """A span of time as seconds; written ``"5m"``, ``"1h 30m"``, or a number of seconds."""

    expected = 'a time such as "5m", "2h" or "10d"'

    def parse(self, value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not 0 <= value <= _LONGEST:
                raise ValueError(self.expected)
            return float(value)
        if not isinstance(value, str) or not re.fullmatch(r"\s*(\d+\s*[smhdw]\s*)+", value):
            raise ValueError(self.expected)
        pairs = re.findall(r"(\d{1,12})\s*([smhdw])", value)
        return self.parse(sum(int(number) * _TIME_UNITS[unit] for number, unit in pairs))

    def show(self, value: float) -> str:
        for unit, seconds in reversed(_TIME_UNITS.items()):
            if value and value % seconds == 0:
                return f'"{int(value // seconds)}{unit}"'
        return f"{value:g}"


_SIZE_UNITS = {"": 1, "B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_SIZE_UNITS |= {"KIB": 1024, "MIB": 1024**2, "GIB": 1024**3, "TIB": 1024**4}


class Size:
    """A size in octets; written ``"30 MB"``, ``"64 KiB"``, or a number of octets."""

    expected = 'a size such as "50 MB" or "64 KiB"'

    def parse(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        match = (
            re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", value) if isinstance(value, str) else None
        )
        if not match or match[2].upper() not in _SIZE_UNITS:
            raise ValueError(self.expected)
        return int(match[1]) * _SIZE_UNITS[match[2].upper()]

    def show(self, value: int) -> str:
        for unit in ("GB", "MB", "KB", "GiB", "MiB", "KiB"):
            if value and value % _SIZE_UNITS[unit.upper()] == 0:
                return f'"{value // _SIZE_UNITS[unit.upper()]} {unit}"'
        return str(value)


@dataclass(frozen=True, slots=True)
class FilePath:
    """An absolute path, or one below the directory of the settings file.

    ``optional``: the empty text is right too and means None.
    """

    optional: bool = False

    @property
    def expected(self) -> str:
        return 'a path such as "/etc/homemail/users"' + (', or ""' if self.optional else "")

    def parse(self, value: object) -> Path | None:
        if self.optional and value == "":
            return None
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(self.expected)
        return Path(value)

    def show(self, value: Path | None) -> str:
        return toml_string("" if value is None else str(value))


class FilePaths:
    """A list of paths, each as in ``FilePath``."""

    expected = 'a list of paths such as ["/etc/homemail/before.sieve"]'

    def parse(self, value: object) -> tuple[Path, ...]:
        return tuple(Path(item) for item in TextList().parse(value))

    def show(self, value: tuple[Path, ...]) -> str:
        return TextList().show(tuple(map(str, value)))


class Networks:
    """A list of networks and addresses."""

    expected = 'a list of networks such as ["127.0.0.0/8", "192.168.1.0/24", "[::1]/128"]'

    def parse(self, value: object) -> tuple[IpNetwork, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(self.expected)
        try:
            return tuple(ipaddress.ip_network(re.sub(r"[\[\]]", "", item)) for item in value)
        except ValueError as error:
            raise ValueError(f"{self.expected} ({error})") from None

    def show(self, value: tuple[IpNetwork, ...]) -> str:
        return TextList().show(tuple(str(network) for network in value))
