# SPDX-License-Identifier: MIT
"""``homemail account app-password``: a password for each program, and when it was last used."""

from __future__ import annotations

import re
import time

from homemail.auth.users_line import APP_PASSWORD
from homemail.cli.account_file import find_line
from homemail.cli.failures import Failed
from homemail.cli.installation import load_settings
from homemail.cli.output import print_json, print_table
from homemail.cli.parser import Arguments, Parser
from homemail.cli.password import generated
from homemail.model.address import account_id

_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def configure_app_password(parser: Parser) -> None:
    """Add the command to those of ``homemail account``."""
    own = parser.add_command("app-password", "give single programs passwords of their own")
    own.details = (
        "Such a password is made, shown once, and can be taken away without changing the others. "
        "It works with PLAIN and LOGIN; while an account has one, SCRAM is not offered."
    )
    own.examples = (
        "homemail account app-password add alice phone",
        "homemail account app-password list alice",
    )
    add = own.add_command("add", "make a password for one program", run_add)
    add.examples = ("homemail account app-password add alice phone",)
    remove = own.add_command("remove", "take the password of one program away", run_remove)
    remove.examples = ("homemail account app-password remove alice phone",)
    for below in (add, remove):
        below.add_argument("name", metavar="NAME", help="the account")
        below.add_argument("label", metavar="LABEL", help="the program: letters, digits, . _ -")
    listing = own.add_command("list", "show which there are, and when each was used", run_list)
    listing.examples = ("homemail account app-password list alice",)
    listing.add_argument("name", metavar="NAME", help="the account")
    listing.add_argument("--json", action="store_true", help="JSON, for programs")


def run_add(arguments: Arguments) -> int:
    """Make a password for one program."""
    from homemail.auth import users_edit
    from homemail.auth.schemes import new_app_secret

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    if not _LABEL.fullmatch(arguments.label):
        raise Failed("a label has up to 64 letters, digits, dots, underscores and hyphens")
    if arguments.label in line.app_passwords:
        raise Failed(f'there is a password "{arguments.label}" already; remove it first')
    password = generated()
    users_edit.set_option(
        settings.auth.users_file,
        line.name,
        APP_PASSWORD + arguments.label,
        new_app_secret(password),
    )
    print(f"password of {line.name} for {arguments.label}: {password}")
    return 0


def run_remove(arguments: Arguments) -> int:
    """Take the password of one program away."""
    from homemail.auth import users_edit

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    if arguments.label not in line.app_passwords:
        raise Failed(f'{line.name} has no password "{arguments.label}"')
    key = APP_PASSWORD + arguments.label
    users_edit.set_option(settings.auth.users_file, line.name, key, None)
    print(f"account {line.name} has no password for {arguments.label} any more")
    return 0


def run_list(arguments: Arguments) -> int:
    """Show which passwords there are."""
    from homemail.auth.last_use import read_uses

    settings = load_settings(arguments)
    line = find_line(settings, arguments.name)
    uses = read_uses(settings.site.data_directory / "app-passwords.json").get(
        account_id(line.name), {}
    )
    facts = [
        {"label": label, "last_used": use.get("at"), "from": use.get("from")}
        for label in sorted(line.app_passwords)
        for use in [uses.get(label, {})]
    ]
    if arguments.json:
        print_json(facts)
        return 0
    rows = [(str(one["label"]), _when(one["last_used"]), str(one["from"] or "")) for one in facts]
    print_table(("LABEL", "LAST USED", "FROM"), rows)
    return 0


def _when(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "never"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
