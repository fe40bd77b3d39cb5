# SPDX-License-Identifier: MIT
"""From what the files say to each setting's value: names filled in, kinds parsed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from homemail.config.addresses import TableList
from homemail.config.declare import FilePath, FilePaths, Template, TemplateList, toml_value
from homemail.config.expand import expand
from homemail.config.files import Written
from homemail.config.settings import Known
from homemail.config.spelling import nearest


class WrongValue(Exception):
    """What is wrong with the value of ``parameter``: what was expected, and what was found."""

    def __init__(self, parameter: str, text: str) -> None:
        super().__init__(text)
        self.parameter = parameter


class Undefined(Exception):
    """A value depends on one that is wrong itself and has been reported."""


class Values:
    """The value of each setting: what a file says or the default, with names filled in."""

    def __init__(
        self,
        known: Mapping[str, Known],
        written: Mapping[str, Written],
        base: Path,
        hostname: Callable[[], str],
    ) -> None:
        self._known = known
        self._written = written
        self._base = base
        self._hostname = hostname
        self._raw: dict[str, object] = {}
        self._failed: set[str] = set()
        self._asked: list[str] = []

    def value(self, name: str) -> Any:
        """Return the setting's value.

        Raises:
            WrongValue: it, or one that it depends on, is wrong.
            Undefined: it depends on one that was found wrong before.
        """
        known = self._known[name]
        if name not in self._written and not self._needs_filling(known):
            return known.default
        raw = self.raw(name)
        try:
            return known.declared.kind.parse(raw)
        except ValueError as error:
            self._failed.add(name)
            raise WrongValue(name, f"expected {error}, got {toml_value(raw)}") from None

    def raw(self, name: str) -> object:
        """Return what TOML would hold, with every ``$name`` filled in."""
        if name in self._raw:
            return self._raw[name]
        if name in self._failed:
            raise Undefined
        if name in self._asked:
            circle = [*self._asked[self._asked.index(name) :], name]
            raise WrongValue(name, "never ends: " + " -> ".join(f"${each}" for each in circle))
        self._asked.append(name)
        try:
            self._raw[name] = self._computed(name, self._filled(name))
        except ValueError as error:
            self._failed.add(name)
            raise WrongValue(name, str(error)) from None
        except (WrongValue, Undefined):
            self._failed.add(name)
            raise
        finally:
            self._asked.pop()
        return self._raw[name]

    def _needs_filling(self, known: Known) -> bool:
        if isinstance(known.default, Path) or known.name in ("myhostname", "mydomain"):
            return True
        texts = known.default if isinstance(known.default, tuple) else (known.default,)
        return any(isinstance(text, str) and "$" in text for text in texts)

    def _filled(self, name: str) -> object:
        if name in self._written:
            raw = self._written[name].raw
        else:
            known = self._known[name]
            raw = tomllib.loads(f"value = {known.declared.kind.show(known.default)}")["value"]
        kind = self._known[name].declared.kind
        partly = isinstance(kind, Template | TemplateList)
        later = kind.names if isinstance(kind, Template | TemplateList) else ()
        if isinstance(raw, str):
            return self._expand(raw, later, partly=partly)
        if isinstance(raw, list):
            return [filled for item in raw for filled in self._items(item, later, partly=partly)]
        return raw

    def _items(self, item: object, later: Sequence[str], *, partly: bool) -> list[object]:
        """Return what a list's item becomes: itself, filled in, or the items of another list."""
        if not isinstance(item, str):
            return [item]
        name = re.fullmatch(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))", item)
        if name and not any(word in later for word in name.groups()):
            other = self.raw(self._must_know(name[1] or name[2] or name[3]))
            if isinstance(other, list):
                return list(other)
        return [self._expand(item, later, partly=partly)]

    def _expand(self, text: str, later: Sequence[str], *, partly: bool = False) -> str:
        def value_of(name: str) -> str | None:
            return None if name in later else _as_text(self.raw(self._must_know(name)))

        return expand(text, value_of, partly=partly)

    def _must_know(self, name: str) -> str:
        if name not in self._known:
            raise ValueError(f'unknown name "${name}"{nearest(name, self._known)}')
        return name

    def _computed(self, name: str, raw: object) -> object:
        """Return ``raw``, or what it stands for: a whole path, the name of this host."""
        if isinstance(self._known[name].declared.kind, FilePath) and isinstance(raw, str) and raw:
            return str(self._directory(name) / raw)
        if isinstance(self._known[name].declared.kind, FilePaths) and isinstance(raw, list):
            return [str(self._directory(name) / str(item)) for item in raw]
        kind = self._known[name].declared.kind
        if isinstance(kind, TableList) and isinstance(raw, list):
            return [kind.below(self._directory(name), str(item)) for item in raw]
        if name == "myhostname" and raw == "":
            return self._hostname()
        if name == "mydomain" and raw == "":
            host, dot, domain = _as_text(self.raw("myhostname")).partition(".")
            return domain if dot else host
        return raw

    def _directory(self, name: str) -> Path:
        """Return the directory that a relative path in the setting is below."""
        written = self._written.get(name)
        return written.file.absolute().parent if written else self._base


def _as_text(raw: object) -> str:
    """Return what ``$name`` puts into a text: a list's items stand with commas between."""
    if isinstance(raw, list):
        return ", ".join(_as_text(item) for item in raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)
