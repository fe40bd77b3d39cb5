# SPDX-License-Identifier: MIT
"""``homemail account``: who has mail here. A running server sees each change at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from homemail.auth import users_edit
from homemail.auth.api import Account
from homemail.auth.schemes import new_secrets, scheme_of
from homemail.auth.users_file import account_of
from homemail.auth.users_line import UserLine, accounts_in, check_name
from homemail.cli.failures import Failed
from homemail.cli.installation import load_settings
from homemail.cli.output import print_json, print_table, printable
from homemail.cli.parser import Arguments, Parser, Run
from homemail.cli.password import add_password_options, new_password, show_generated
from homemail.config.settings import Settings
from homemail.config.spelling import nearest
from homemail.model.address import Address, account_id


def configure(parser: Parser) -> None:
    """Add the commands below."""
    parser.details = "Accounts are lines of the file that the setting users_file names."
    parser.examples = (
        "homemail account add alice",
        "homemail account list",
        "homemail account password alice --generate",
    )
    listing = parser.add_command(
        "list", "list the accounts", run_list, examples=("homemail account list --json",)
    )
    listing.add_argument("--json", action="store_true", help="JSON, for programs")
    show = _on_one(parser, "show", "show one account", run_show)
    show.add_argument("--json", action="store_true", help="JSON, for programs")
    _configure_add(parser)
    password = _on_one(parser, "password", "give an account a new password", run_password)
    add_password_options(password)
    password.examples = (
        "homemail account password alice",
        "pass show mail/alice | homemail account password alice --stdin",
    )
    _on_one(parser, "remove", "take an account away; its mail stays where it is", run_remove)
    _on_one(
        parser, "disable", "let an account no longer log in; its mail keeps arriving", run_disable
    )
    _on_one(parser, "enable", "let a disabled account log in again", run_enable)


def _configure_add(parser: Parser) -> None:
    add = parser.add_command("add", "make an account", run_add)
    add.details = (
        "NAME is what comes before the @ of the address, or a whole address where the house has "
        "several domains and the account is to have mail in one of them only."
    )
    add.examples = (
        "homemail account add alice",
        "homemail account add bob --generate --address sales@example.org",
        "homemail account add carol@example.org --home /home/carol",
    )
    add.add_argument("name", metavar="NAME", help="the account's name")
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
    add_password_options(add)


def _on_one(parser: Parser, name: str, summary: str, run: Run) -> Parser:
    """Add a command whose one word is an account's name."""
    below = parser.add_command(name, summary, run)
    below.examples = (f"homemail account {name} alice",)
    below.add_argument("name", metavar="NAME", help="the account")
    return below


def run_list(arguments: Arguments) -> int:
    """Print every account."""
    settings = load_settings(arguments)
    lines = sorted(_lines(settings.auth.users_file), key=lambda line: account_id(line.name))
    if arguments.json:
        print_json([_facts(line, settings) for line in lines])
        return 0
    rows = [
        (line.name, _state(line), str(_account(line, settings).home), _other_addresses(line))
        for line in lines
    ]
    print_table(("NAME", "STATE", "HOME", "OTHER ADDRESSES"), rows)
    if not rows:
        print('no accounts yet; "homemail account add NAME" makes one', file=sys.stderr)
    return 0


def run_show(arguments: Arguments) -> int:
    """Print what there is to say about one account."""
    settings = load_settings(arguments)
    facts = _facts(_find(settings, arguments.name), settings)
    if arguments.json:
        print_json(facts)
        return 0
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        print(f"{key + ':':<11} {printable(shown)}".rstrip())
    return 0


def run_add(arguments: Arguments) -> int:
    """Make an account."""
    settings = load_settings(arguments)
    line = UserLine(
        _checked_name(arguments.name),
        home=arguments.home.absolute() if arguments.home else None,
        options=_address_option(arguments.address),
    )
    if account_id(line.name) in {account_id(other.name) for other in _all(settings)}:
        raise Failed(f"there is an account {line.name} already")
    password = new_password(arguments, line.name)
    added = replace(line, secrets=_secrets_of(password))
    users_edit.add_accounts(settings.auth.users_file, [added])
    print(f"account {line.name} added; its mail will be in {_account(line, settings).home}")
    show_generated(arguments, line.name, password)
    return 0


def run_password(arguments: Arguments) -> int:
    """Give an account a new password."""
    settings = load_settings(arguments)
    line = _find(settings, arguments.name)
    password = new_password(arguments, line.name)
    users_edit.set_secrets(settings.auth.users_file, line.name, _secrets_of(password))
    print(f"account {line.name} has a new password")
    show_generated(arguments, line.name, password)
    return 0


def run_remove(arguments: Arguments) -> int:
    """Take an account away."""
    settings = load_settings(arguments)
    line = _find(settings, arguments.name)
    users_edit.remove_account(settings.auth.users_file, line.name)
    print(f"account {line.name} removed; its mail is still in {_account(line, settings).home}")
    return 0


def run_disable(arguments: Arguments) -> int:
    """Let an account no longer log in."""
    return _enable(arguments, enabled=False)


def run_enable(arguments: Arguments) -> int:
    """Let a disabled account log in again."""
    return _enable(arguments, enabled=True)


def _enable(arguments: Arguments, *, enabled: bool) -> int:
    settings = load_settings(arguments)
    line = _find(settings, arguments.name)
    users_edit.set_enabled(settings.auth.users_file, line.name, enabled)
    print(f"account {line.name} {'may log in' if enabled else 'may no longer log in'}")
    return 0


def _secrets_of(password: str) -> tuple[str, ...]:
    try:
        return new_secrets(password)
    except ValueError as error:
        raise Failed(f"the password cannot be used: {error}") from None


def _all(settings: Settings) -> list[UserLine]:
    return list(_lines(settings.auth.users_file))


def _lines(file: Path) -> Iterator[UserLine]:
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


def _find(settings: Settings, name: str) -> UserLine:
    lines = _all(settings)
    for line in lines:
        if account_id(line.name) == account_id(name):
            return line
    raise Failed(f'no account "{name}"{nearest(name, [line.name for line in lines])}')


def _account(line: UserLine, settings: Settings) -> Account:
    return account_of(line, settings.auth.home_base)


def _state(line: UserLine) -> str:
    if not line.secrets:
        return "no password"
    return "enabled" if line.enabled else "disabled"


def _other_addresses(line: UserLine) -> str:
    return ", ".join(map(str, line.addresses))


def _facts(line: UserLine, settings: Settings) -> dict[str, object]:
    domains = dict.fromkeys(settings.site.mydestination)
    own = [line.name] if "@" in line.name else [f"{line.name}@{domain}" for domain in domains]
    return {
        "name": line.name,
        "state": _state(line),
        "home": str(_account(line, settings).home),
        "addresses": own + [str(address) for address in line.addresses],
        "passwords": [scheme_of(secret) for secret in line.secrets],
        "options": [f"{k}={v}" for k, v in line.options.items() if k != "addresses"],
    }


def _checked_name(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise Failed(f'"{name}" cannot be an account: {error}') from None


def _address_option(addresses: list[str]) -> dict[str, str]:
    for address in addresses:
        try:
            Address.parse(address)
        except ValueError as error:
            raise Failed(f'"{address}" is not an address: {error}') from None
    return {"addresses": ",".join(addresses)} if addresses else {}
