# SPDX-License-Identifier: MIT
"""Where a new password comes from: asked twice without echo, read from stdin, or made.

Never from the command line, where every user of the machine could read it.
"""

from __future__ import annotations

import sys

from homemail.cli.failures import Failed
from homemail.cli.parser import Arguments, Parser

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another: i, l, o, 0, 1
_GROUPS, _GROUP_LETTERS = 4, 5  # 99 bits


def add_password_options(parser: Parser) -> None:
    """Add the options that say where the password comes from."""
    parser.add_argument("--stdin", action="store_true", help="read the password's line from stdin")
    parser.add_argument("--generate", action="store_true", help="make a password and show it once")


def new_password(arguments: Arguments, name: str) -> str:
    """Return the new password of the account ``name``; ``show_generated`` shows one that was made.

    Raises:
        Failed: there is nobody to ask, the two answers differ, or the password is empty.
    """
    if arguments.stdin and arguments.generate:
        raise Failed("--stdin and --generate are two ways to a password; give one")
    if arguments.generate:
        return generated()
    password = _read_line() if arguments.stdin else _asked(name)
    if not password:
        raise Failed("an empty password")
    return password


def show_generated(arguments: Arguments, name: str, password: str) -> None:
    """Show a password that was made: once, and only when it is in force."""
    if arguments.generate:
        print(f"password of {name}: {password}")


def generated() -> str:
    """Return a password that can be typed and told on the telephone."""
    import secrets

    groups = (
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LETTERS)) for _ in range(_GROUPS)
    )
    return "-".join(groups)


def _read_line() -> str:
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        raise Failed("no terminal to ask for the password on; give --stdin or --generate")
    import getpass

    password = getpass.getpass(f"New password of {name}: ")
    if getpass.getpass("The same again: ") != password:
        raise Failed("the two passwords differ; nothing was changed")
    return password
