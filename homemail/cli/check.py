# SPDX-License-Identifier: MIT
"""``homemail check``: what is wrong with the settings and the surroundings, without starting."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from homemail.cli.failures import FAILED
from homemail.cli.finding import Finding, error
from homemail.cli.installation import load_loaded
from homemail.cli.output import print_json, printable, styled
from homemail.cli.parser import Arguments, Parser
from homemail.errors import ConfigErrors

_DETAILS = """
Looks at the settings, directories, certificate, ports and accounts, and prints a line for each
trouble with what to do. Nothing is started or changed, and DNS is not asked. Run it as the user
who starts the server. The exit status is 1 where there is an error, 0 where there are warnings
only.
"""
_COLOURS = {"error": "red", "warning": "yellow"}


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.details = _DETAILS
    parser.examples = (
        "homemail check",
        "homemail check --config ./homemail.toml",
        "homemail check --json",
    )
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print every finding."""
    # What the parts looked at would log is found here too.
    logging.getLogger("homemail").addHandler(logging.NullHandler())
    findings = list(_findings(arguments))
    if arguments.json:
        print_json([{"severity": f.severity, "what": f.what, "advice": f.advice} for f in findings])
    else:
        for finding in findings:
            severity = styled(finding.severity, _COLOURS[finding.severity])
            print(f"{severity}: {printable(str(finding))}")
        if not findings:
            print(styled("all is well", "green"))
    return FAILED if any(finding.severity == "error" for finding in findings) else 0


def _findings(arguments: Arguments) -> Iterator[Finding]:
    try:
        loaded = load_loaded(arguments)
    except ConfigErrors as wrong:
        yield from (error(str(each)) for each in wrong.errors)
        return
    from homemail.cli.checks import CHECKS  # a wrong file is told of at once
    from homemail.cli.usable import usable_settings

    try:
        usable_settings(loaded)
    except ConfigErrors as wrong:
        yield from (error(str(each)) for each in wrong.errors)
    for check in CHECKS:
        yield from check(loaded.settings)
