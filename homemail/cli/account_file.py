# SPDX-License-Identifier: MIT
"""The accounts as the commands see them: the lines of the account file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from homemail.auth.users_line import UserLine, accounts_in, check_name
from homemail.cli.failures import Failed
from homemail.cli.output import printable
from homemail.config.settings import Settings
from homemail.config.spelling import nearest
from homemail.model.address import account_id


def lines_in(file: Path) -> Iterator[UserLine]:
    """Yield the accounts in the file, and say on stderr which lines are none."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return
    for number, line in accounts_in(data):
        if isinstance(line, UserLine):
            yield line
        else:
            print(printable(f"{file}:{number}: {line}"), file=sys.stderr)


def find_line(settings: Settings, name: str) -> UserLine:
    """Return the account ``name``.

    Raises:
        Failed: there is none.
    """
    lines = list(lines_in(settings.auth.users_file))
    for line in lines:
        if account_id(line.name) == account_id(name):
            return line
    raise Failed(f'no account "{name}"{nearest(name, [line.name for line in lines])}')


def checked_name(name: str) -> str:
    """Return ``name`` where it can be an account's.

    Raises:
        Failed: it cannot.
    """
    try:
        return check_name(name)
    except ValueError as error:
        raise Failed(f'"{name}" cannot be an account: {error}') from None


def secrets_of(password: str) -> tuple[str, ...]:
    """Return what is stored of a new password.

    Raises:
        Failed: it cannot be one.
    """
    from homemail.auth.schemes import new_secrets

    try:
        return new_secrets(password)
    except ValueError as error:
        raise Failed(f"the password cannot be used: {error}") from None
