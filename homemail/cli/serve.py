# SPDX-License-Identifier: MIT
"""``homemail serve``: the server, by an ordinary settings file."""

from __future__ import annotations

import os
import sys

from homemail.cli.failures import Failed
from homemail.cli.installation import load_loaded
from homemail.cli.parser import Arguments, Parser
from homemail.cli.usable import usable_settings, with_places
from homemail.log import Log, log_to
from homemail.roles.identity import become
from homemail.roles.listeners import PortTaken, bind

log = Log("supervisor")


def configure(parser: Parser) -> None:
    """Add the words of this command."""
    parser.details = (
        "Runs in the foreground, as a service manager wants it, and logs to stderr. Started as "
        "root it opens its ports and then becomes the user named by mail_owner."
    )
    parser.examples = (
        "homemail serve",
        "homemail serve --config /etc/homemail/homemail.toml",
        "homemail check && homemail serve",
    )
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Run the server until a signal ends it."""
    from homemail.app import House
    from homemail.cli.foreground import run_house

    loaded = load_loaded(arguments)
    settings = usable_settings(loaded)
    log_to(sys.stderr)
    try:
        listeners = bind(settings.ports, settings.site.inet_interfaces)
    except PortTaken as error:
        raise Failed(str(error)) from None
    if os.geteuid() == 0 and settings.site.mail_owner:
        become(settings.site.mail_owner)
    if os.geteuid() == 0:
        log.warning("running as root", advice="name a user in mail_owner")

    async def ready() -> None:
        log.info("ready", ports=",".join(sorted({one.service for one in listeners})))

    with with_places(loaded):
        return run_house(House(settings, programs_as_root=False), listeners, ready)
