# SPDX-License-Identifier: MIT
"""The names of the host and of its domains."""

from __future__ import annotations

from collections.abc import Iterator

from homemail.cli.finding import Finding, error, warning
from homemail.config.settings import Settings

_LOCAL_ENDINGS = (".test", ".local", ".home.arpa", ".lan", ".internal", ".example", ".invalid")


def check_names(settings: Settings) -> Iterator[Finding]:
    """Look at the names: will others believe them, and is any mail for this house."""
    site = settings.site
    if "." not in site.myhostname:
        yield warning(
            f"myhostname is {site.myhostname}, a name without a domain, which other servers refuse",
            'set it: myhostname = "mail.example.org"',
        )
    elif "." not in site.mydomain and not f".{site.mydomain}".endswith(_LOCAL_ENDINGS):
        yield warning(
            f"mydomain is {site.mydomain}, a whole top-level domain",
            f'set it: mydomain = "{site.myhostname}"',
        )
    if not site.mydestination:
        yield error(
            "mydestination is empty: no mail is for anybody here",
            'name your domains: mydestination = ["$mydomain"]',
        )
