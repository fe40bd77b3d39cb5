# SPDX-License-Identifier: MIT
"""``homemail account``: who has mail here. A running server sees each change at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from homemail.auth.api import Account
from homemail.auth.secret import scheme_of
from homemail.auth.users_line import APP_PASSWORD, UserLine, account_of
from homemail.cli.account_add import configure_add
from homemail.cli.account_file import checked_name, find_line, lines_in, secrets_of
from homemail.cli.app_password import configure_app_password
from homemail.cli.installation import load_settings
from homemail.cli.output import print_json, print_table, printable
from homemail.cli.parser import Arguments, Parser, Run
from homemail.cli.password import add_password_options, new_password, show_generated
from homemail.config.settings import Settings
from homemail.model.address import account_id


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
    configure_add(parser)
    password = _on_one(parser, "password", "give an account a new password", run_password)
    add_password_options(password)
    password.examples = (
        "homemail account password alice",
        "pass show mail/alice | homemail account password alice --stdin",
    )
    configure_app_password(parser)
    rename = _on_one(parser, "rename", "give an account another name; its mail stays", run_rename)
    rename.examples = ("homemail account rename alice alicia",)
    rename.add_argument("new_name", metavar="NEW_NAME", help="the new name")
    _on_one(parser, "remove", "take an account away; its mail stays where it is", run_remove)
    _on_one(
        parser, "disable", "let an account no longer log in; its mail keeps arriving", run_disable
    )
    _on_one(parser, "enable", "let a disabled account log in again", run_enable)


def _on_one(parser: Parser, name: str, summary: str, run: Run) -> Parser:
    """Add a command whose one word is an account's name."""
    below = parser.add_command(name, summary, run)
    below.examples = (f"homemail account {name} alice",)
    below.add_argument("name", metavar="NAME", help="the account")
    return below


def run_list(arguments: Arguments) -> int:
    """Print every account."""
    settings = load_settings(arguments)
    lines = sorted(lines_in(settings.auth.users_file), key=lambda line: account_id(line.name))
    if arguments.json:
        print_json([_facts(line, settings) for line in lines])
        return 0
    rows = [
        (line.name, _state(line), str(_account(line, settings).home), _other_addresses(line))
        for line in lines
    ]
    known = {account_id(line.name) for line in lines}
    for account in _system_users(settings):
        if account.id not in known:
            rows.append((account.id, "system user", str(account.home), ""))
    print_table(("NAME", "STATE", "HOME", "OTHER ADDRESSES"), rows)
    if not rows:
        print('no accounts yet; "homemail account add NAME" makes one', file=sys.stderr)
    return 0


def run_show(arguments: Arguments) -> int:
    """Print what there is to say about one account."""
    settings = load_settings(arguments)
    facts = _facts(find_line(settings, arguments.name), settings)
    if arguments.json:
        print_json(facts)
        return 0
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        print(f"{key + ':':<11} {printable(shown)}".rstrip())
    return 0


def run_password(arguments: Arguments) -> int:
    """Give an account a new password."""
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    password = new_password(arguments, line.name)
    users_edit.set_secrets(settings.auth.users_file, line.name, secrets_of(password))
    print(f"account {line.name} has a new password")
    show_generated(arguments, line.name, password)
    return 0


def run_rename(arguments: Arguments) -> int:
    """Give an account another name."""
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    new_name = checked_name(arguments.new_name)
    home = _account(line, settings).home
    users_edit.rename_account(settings.auth.users_file, line.name, new_name, home=home)
    print(f"account {line.name} is now {new_name}; its mail is still in {home}")
    return 0


def run_remove(arguments: Arguments) -> int:
    """Take an account away."""
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
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
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    users_edit.set_enabled(settings.auth.users_file, line.name, enabled)
    print(f"account {line.name} {'may log in' if enabled else 'may no longer log in'}")
    return 0


def _system_users(settings: Settings) -> Sequence[Account]:
    """Return the accounts that come from the system, where the settings want them."""
    if not {"system", "pam"} & set(settings.auth.auth_sources):
        return ()
    import asyncio

    from homemail.auth.sources import open_source

    source = "system" if "system" in settings.auth.auth_sources else "pam"
    domains = settings.site.mydestination
    return asyncio.run(open_source(source, settings.auth, domains).all())


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
        "app_passwords": sorted(line.app_passwords),
        "options": [
            f"{key}={value}"
            for key, value in line.options.items()
            if key != "addresses" and not key.startswith(APP_PASSWORD)
        ],
    }
