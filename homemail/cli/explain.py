# SPDX-License-Identifier: MIT
"""``homemail explain``: what would become of mail for an address. Nothing is delivered."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from homemail.cli.failures import UsageError
from homemail.cli.installation import load_loaded
from homemail.cli.output import print_json, printable
from homemail.cli.parser import Arguments, Parser
from homemail.config.settings import Settings

if TYPE_CHECKING:
    from homemail.mta.explain import Explainer

_DETAILS = """
Asks the tables, the accounts and the restriction lists what the server would ask when a client
names this recipient, and prints each step with the file and line that decided. Nothing is sent,
delivered or remembered; DNS, lists in DNS and policy services that the settings name are asked.

The client is somebody who has not logged in, at port 25.
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.details = _DETAILS
    parser.examples = (
        "homemail explain sales@example.org",
        "homemail explain root --from ann@elsewhere.example --client 198.51.100.7",
        "homemail explain bob@example.net --json | jq .outcomes",
    )
    parser.add_argument("address", metavar="ADDRESS", help="the recipient")
    parser.add_argument(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        default="",
        help="the sender; nothing or <> is the null sender of notifications",
    )
    parser.add_argument(
        "--client",
        metavar="IP",
        default="192.0.2.1",
        help="the address of the client; without it a stranger's, 192.0.2.1",
    )
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print the explanation."""
    import asyncio
    import logging

    from homemail.cli.usable import usable_settings
    from homemail.mta.explain import Explanation, lines

    try:
        client = str(ipaddress.ip_address(arguments.client))
    except ValueError:
        raise UsageError(f'"{arguments.client}" is no IP address', "homemail explain") from None
    logging.getLogger("homemail").addHandler(logging.NullHandler())
    settings = usable_settings(load_loaded(arguments))

    async def ask() -> Explanation:
        return await _explainer(settings).explain(arguments.address, arguments.sender, client)

    try:
        explanation = asyncio.run(ask())
    except ValueError as error:
        raise UsageError(f"{arguments.address}: {error}", "homemail explain") from None
    if arguments.json:
        print_json(asdict(explanation))
    else:
        for line in lines(explanation):
            print(printable(line))
    return 0


def _explainer(settings: Settings) -> Explainer:
    from homemail.auth.sources import open_accounts
    from homemail.mta.addresses.resolve import Addressing
    from homemail.mta.alias_delivery import list_reader
    from homemail.mta.explain import Explainer
    from homemail.mta.policy.facilities import make_facilities
    from homemail.mta.policy.restrictions import Restrictions
    from homemail.mta.route import Router
    from homemail.resolve import DnsResolver

    site = settings.site
    accounts = open_accounts(settings.auth, site.mydestination)
    router = Router(
        site,
        accounts,
        settings.sending,
        addresses=settings.addresses,
        postmaster=settings.smtp.postmaster,
    )
    addressing = Addressing(router, settings.local)
    facilities = make_facilities(
        settings.policy, site, addressing, DnsResolver(site.nameservers), ledger=None
    )
    restrictions = Restrictions(settings.smtp, site.mynetworks)
    lists = list_reader(os.geteuid())
    return Explainer(addressing, accounts, restrictions, facilities, lists)
