# SPDX-License-Identifier: MIT
"""Log lines about logins, in the shapes that fail2ban's filters for Dovecot and Postfix match.

For IMAP, POP3 and ManageSieve Dovecot's ``Disconnected (auth failed, 1 attempts): user=<alice>,
method=PLAIN, rip=192.0.2.1``; for SMTP Postfix's ``warning: unknown[192.0.2.1]: SASL PLAIN
authentication failed: …``, whose first word is the log's for its level. No password stands in them.
"""

from __future__ import annotations

import re

from homemail.auth.api import Account
from homemail.log import Log
from homemail.model.session import ChannelFacts

_NAME_LETTERS = 100


def report_failure(name: str, mechanism: str, channel: ChannelFacts, why: str) -> None:
    """Log that somebody could not prove to be ``name``; ``why`` is for people."""
    shown, host = _shown(name), channel.peer.host
    if channel.protocol in ("smtp", "submission", "submissions"):
        Log("submission/smtpd").warning(
            f"unknown[{host}]: SASL {mechanism} authentication failed: {why}, sasl_username={shown}"
        )
        return
    Log(f"{channel.protocol}-login").info(
        f"Disconnected (auth failed, 1 attempts): user=<{shown}>, method={mechanism}, rip={host}"
    )


def report_success(account: Account, mechanism: str, channel: ChannelFacts) -> None:
    """Log that ``account`` has logged in."""
    Log(f"{channel.protocol}-login").info(
        "Login", user=account.id, method=mechanism, rip=channel.peer.host, tls=_version(channel)
    )


def _version(channel: ChannelFacts) -> str:
    return channel.tls.version if channel.tls else "none"


def _shown(name: str) -> str:
    """Return what a peer called himself so that it cannot forge a part of the line."""
    return re.sub(r"[^!#-;=?-\[\]-~]", "?", name[:_NAME_LETTERS])
