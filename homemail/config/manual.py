# SPDX-License-Identifier: MIT
"""The settings' own manual: listings, a commented sample, and ``docs/settings.md``."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Container, Iterable
from itertools import groupby
from typing import Any

from homemail.config.declare import Template, TemplateList
from homemail.config.load import Loaded
from homemail.config.settings import TABLES, Known, Settings, groups, known_settings

_SAMPLE_HEAD = """\
# Settings of homemail. What is commented out shows the default.
#
# A name that Postfix has too means the same here; "homemail settings NAME" explains it.
# "$name" stands for the value of that setting. Times are written "5m" or "2h", sizes "30 MB".
# Relative paths are below the directory of this file. After a change: "homemail check".
"""

_MARKDOWN_HEAD = """\
# Settings

<!-- Made from the program by "make docs"; change homemail/config instead. -->

The settings are in `/etc/homemail/homemail.toml`, or in the file named with `--config`. It is
[TOML](https://toml.io): texts in quotes, lists in brackets. A setting that Postfix also has keeps
Postfix's name, so Postfix's books apply. [contrib/homemail.toml](../contrib/homemail.toml) has all
of them with their defaults.

- Times are `"30s"`, `"5m"`, `"2h"`, `"10d"`, `"1w"`, together as in `"1h 30m"`, or seconds.
- Sizes are `"64 KB"`, `"50 MB"`, `"1 GB"` (thousands), `"64 KiB"` (1024), or octets.
- `$name` stands for the value of another setting, as in Postfix: `$name`, `${name}`,
  `${name?text if it has a value}`, `${name:text if it has none}`, `${name?{text}:{other}}`;
  a dollar sign is `$$`. In a list, `"$name"` of another list stands for its items.
- Relative paths are below the directory of the settings file.
- A setting that is empty (`""`, `[]`) differs from one that is not there: that one has its default.
- Of several files the later one overrides the earlier one, name by name.

`homemail settings` shows what is in force, `homemail settings NAME` explains one,
`homemail check` says what is wrong. A file with an error is refused as a whole.
"""


def title(group: str) -> str:
    """Return the heading of a group of settings."""
    lines = (inspect.getdoc(groups()[group]) or group).splitlines()
    return lines[0].split(". ")[0].rstrip(".")


def value_of(settings: Settings, known: Known) -> Any:
    """Return the value of one setting."""
    return getattr(getattr(settings, known.group), known.key)


def as_json(value: Any) -> Any:
    """Return a setting's value in JSON's terms: lists, texts, numbers."""
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def as_toml(settings: Settings, names: Container[str]) -> str:
    """Return the settings in ``names`` as a settings file that means the same."""
    chosen = [known for known in known_settings().values() if known.name in names]
    parts = []
    for group, members in _by_group(chosen):
        head = [f"# {title(group)}"] + ([f"[{group}]"] if group in TABLES else [])
        lines = [f"{known.key} = {_in_force(settings, known)}" for known in members]
        parts.append("\n".join(head + lines))
    return "\n\n".join(parts) + "\n" if parts else ""


def _in_force(settings: Settings, known: Known) -> str:
    text = known.declared.kind.show(value_of(settings, known))
    # What is left of a dollar sign in a filled in value is meant; in a Template it is a name.
    return (
        text
        if isinstance(known.declared.kind, Template | TemplateList)
        else text.replace("$", "$$")
    )


def explain(known: Known, loaded: Loaded) -> str:
    """Return what there is to say about one setting, and its value."""
    origin = loaded.origins.get(known.name)
    kind = known.declared.kind
    rows = [
        ("Value", _in_force(loaded.settings, known)),
        ("Default", kind.show(known.default)),
        ("Expected", kind.expected),
        ("Set in", f"{origin.file}:{origin.line}" if origin else "no file; this is the default"),
        ("In Postfix", known.declared.postfix_name(known.key) or "there is none"),
    ]
    if isinstance(kind, Template | TemplateList):
        rows.append(("Names in it", ", ".join(f"${name}" for name in kind.names)))
    lines = [f"{known.name}: {known.declared.sentence}", ""]
    return "\n".join(lines + [f"  {label + ':':<12} {text}" for label, text in rows]) + "\n"


def sample() -> str:
    """Return the commented sample, ``contrib/homemail.toml``: every setting, at its default."""
    parts = [_SAMPLE_HEAD]
    for group, members in _by_group(known_settings().values()):
        text = f"## {title(group)}\n"
        if group in TABLES:
            text += f"\n[{group}]\n"
        parts.append(text)
        parts += [
            f"{_comment(known.declared.sentence)}\n{_commented_out(known)}\n" for known in members
        ]
    return "\n".join(parts)


def markdown() -> str:
    """Return ``docs/settings.md``."""
    parts = [_MARKDOWN_HEAD]
    for group, members in _by_group(known_settings().values()):
        parts.append(f"## {title(group)}\n")
        if group in TABLES:
            parts.append(f"In the file these are below the line `[{group}]`, at its end.\n")
        parts += [_markdown(known) for known in members]
    return "\n".join(parts)


def _markdown(known: Known) -> str:
    kind = known.declared.kind
    facts = [f"Expected: {kind.expected}."]
    postfix = known.declared.postfix_name(known.key)
    if postfix:
        same = postfix == known.key
        facts.append("Postfix has it too." if same else f"In Postfix: `{postfix}`.")
    if isinstance(kind, Template | TemplateList):
        facts.append(f"Names in it: {', '.join(f'`${name}`' for name in kind.names)}.")
    return (
        f"### {known.name}\n\n{known.declared.sentence}\n\n"
        f"```toml\n{known.key} = {_default(known)}\n```\n\n{' '.join(facts)}\n"
    )


def _default(known: Known) -> str:
    """Return the default as TOML, a long list with an item per line."""
    text = known.declared.kind.show(known.default)
    if isinstance(known.default, tuple) and len(known.key) + len(text) > 90:
        items = [known.declared.kind.show((item,))[1:-1] for item in known.default]
        return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    return text


def _commented_out(known: Known) -> str:
    lines = f"{known.key} = {_default(known)}".splitlines()
    return "\n".join(f"#{line}" for line in lines)


def _comment(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 98, initial_indent="# ", subsequent_indent="# "))


def _by_group(chosen: Iterable[Known]) -> Iterable[tuple[str, list[Known]]]:
    return ((group, list(members)) for group, members in groupby(chosen, lambda k: k.group))


def names_set(loaded: Loaded) -> list[str]:
    """Return the settings that a file sets, in the order of the manual."""
    return [name for name in known_settings() if name in loaded.origins]
