# SPDX-License-Identifier: MIT
"""``homemail settings``: what is in force, and what a setting means."""

from __future__ import annotations

from homemail.cli.failures import Failed
from homemail.cli.installation import load_loaded
from homemail.cli.output import print_json
from homemail.cli.parser import Arguments, Parser
from homemail.config import manual
from homemail.config.load import DEFAULT_FILE, Loaded, load_with_origins
from homemail.config.settings import Known, known_settings
from homemail.config.spelling import nearest

_DETAILS = """
Without NAME, prints every setting with the value in force, as a settings file that can be used
again. With NAME, explains one: what it is for, its default, where it was set. NAME may be
Postfix's name for it.
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.details = _DETAILS
    parser.examples = (
        "homemail settings",
        "homemail settings --changed",
        "homemail settings message_size_limit",
        "homemail settings --sample > homemail.toml",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the setting to explain")
    parser.add_argument("--changed", action="store_true", help="only what the settings files set")
    parser.add_argument(
        "--sample", action="store_true", help="a settings file with all of them, commented out"
    )
    parser.add_argument(
        "--tables", action="store_true", help="the types of lookup tables, one per line"
    )
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print what was asked for."""
    if arguments.sample:
        print(manual.sample(), end="")
        return 0
    if arguments.tables:
        from homemail.lookup import TABLE_TYPES

        print(*sorted(TABLE_TYPES), sep="\n")
        return 0
    loaded = _load(arguments)
    names = manual.names_set(loaded) if arguments.changed else list(known_settings())
    if arguments.name:
        names = [_find(arguments.name).name]
    if arguments.json:
        print_json({name: _facts(known_settings()[name], loaded) for name in names})
    elif arguments.name:
        print(manual.explain(known_settings()[names[0]], loaded), end="")
    else:
        print(manual.as_toml(loaded.settings, names), end="")
    return 0


def _load(arguments: Arguments) -> Loaded:
    """Return the settings; the defaults where none are named and none are installed."""
    named = hasattr(arguments, "config") or hasattr(arguments, "directory")
    if named or DEFAULT_FILE.exists():
        return load_loaded(arguments)
    return load_with_origins([])


def _find(name: str) -> Known:
    every = known_settings()
    for known in every.values():
        if name in (known.name, known.declared.postfix_name(known.key)):
            return known
    keys = [known for known in every.values() if known.key == name]
    if len(keys) == 1:
        return keys[0]
    raise Failed(f'no setting "{name}"{nearest(name, every)}')


def _facts(known: Known, loaded: Loaded) -> dict[str, object]:
    origin = loaded.origins.get(known.name)
    return {
        "value": manual.as_json(manual.value_of(loaded.settings, known)),
        "default": manual.as_json(known.default),
        "sentence": known.declared.sentence,
        "expected": known.declared.kind.expected,
        "postfix": known.declared.postfix_name(known.key) or None,
        "file": str(origin.file) if origin else None,
        "line": origin.line if origin else None,
    }
