# SPDX-License-Identifier: MIT
"""``homemail account add``: one account, or many from standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from homemail.auth.users_line import UserLine, account_of, parse_line
from homemail.cli.account_file import checked_name, lines_in, secrets_of
from homemail.cli.failures import Failed
from homemail.cli.installation import load_settings
from homemail.cli.output import printable
from homemail.cli.parser import Arguments, Parser
from homemail.cli.password import add_password_options, generated, new_password, show_generated
from homemail.model.address import Address, account_id


def configure_add(parser: Parser) -> None:
    """Add the command to those of ``homemail account``."""
    add = parser.add_command("add", "make an account, or many", run_add)
    add.details = (
        "NAME is what comes before the @ of the address, or a whole address where the house has "
        "several domains and the account is to have mail in one of them only.\n\n"
        "With --many, standard input has a line for each account, as in the account file: "
        "NAME:PASSWORD:UID:GID::HOME::OPTIONS, of which all behind NAME may be left out. What "
        "begins with {SCHEME} or $ is kept as it is; any other password is hashed; where there is "
        "none, one is made and shown. All accounts are added, or, when one line is wrong, none."
    )
    add.examples = (
        "homemail account add alice",
        "homemail account add bob --generate --address sales@example.org",
        "homemail account add carol@example.org --home /home/carol",
        "homemail account add --many < accounts",
    )
    add.add_argument("name", metavar="NAME", nargs="?", help="the account's name")
    add.add_argument(
        "--address",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="another address of the account; may be given several times",
    )
    add.add_argument(
        "--home", metavar="DIR", type=Path, help="where its mail is kept; below home_base otherwise"
    )
    add.add_argument("--many", action="store_true", help="read accounts from standard input")
    add_password_options(add)


def run_add(arguments: Arguments) -> int:
    """Make an account, or many."""
    if arguments.many:
        return _add_many(arguments)
    if not arguments.name:
        raise Failed("which account? give a NAME, or --many")
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = UserLine(
        checked_name(arguments.name),
        home=arguments.home.absolute() if arguments.home else None,
        options=_address_option(arguments.address),
    )
    known = {account_id(other.name) for other in lines_in(settings.auth.users_file)}
    if account_id(line.name) in known:
        raise Failed(f"there is an account {line.name} already")
    password = new_password(arguments, line.name)
    added = replace(line, secrets=secrets_of(password))
    users_edit.add_accounts(settings.auth.users_file, [added])
    home = account_of(line, settings.auth.home_base).home
    print(f"account {line.name} added; its mail will be in {home}")
    show_generated(arguments, line.name, password)
    return 0


def _add_many(arguments: Arguments) -> int:
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    if arguments.name or arguments.stdin or arguments.generate or arguments.address:
        raise Failed("--many takes names, passwords and addresses from standard input")
    wanted = list(_read_lines())
    made = [(line, password or generated()) for line, password in wanted if not line.secrets]
    # Each hash costs tens of milliseconds by design, and the libraries run beside each other.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        hashes = dict(
            zip(
                [line.name for line, _ in made],
                threads.map(secrets_of, [password for _, password in made]),
                strict=True,
            )
        )
    lines = [replace(line, secrets=line.secrets or hashes[line.name]) for line, _ in wanted]
    users_edit.add_accounts(settings.auth.users_file, lines)
    print(f"{len(lines)} accounts added")
    shown = {line.name: password for line, password in wanted}
    for line, password in made:
        if not shown[line.name]:
            print(f"password of {line.name}: {password}")
    return 0


def _read_lines() -> Iterator[tuple[UserLine, str]]:
    """Yield each account of standard input, without secrets where it has a password to be hashed.

    Raises:
        Failed: a line is none, with its number.
    """
    for number, text in enumerate(sys.stdin, 1):
        text = text.rstrip("\r\n")
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        name, _, rest = text.partition(":")
        password, _, others = rest.partition(":")
        is_hash = password.startswith(("{", "$"))
        try:
            kept = password if is_hash else ""
            yield parse_line(f"{name}:{kept}:{others}"), "" if is_hash else password
        except ValueError as error:
            raise Failed(printable(f"line {number}: {error}; nothing was added")) from None


def _address_option(addresses: list[str]) -> dict[str, str]:
    for address in addresses:
        try:
            Address.parse(address)
        except ValueError as error:
            raise Failed(f'"{address}" is not an address: {error}') from None
    return {"addresses": ",".join(addresses)} if addresses else {}
