# SPDX-License-Identifier: MIT
"""Every command and extension that there is, written down by hand."""

from __future__ import annotations

from homemail.imap.commands.append import APPEND
from homemail.imap.commands.copy import COPY
from homemail.imap.commands.expunge import EXPUNGE
from homemail.imap.commands.fetch import FETCH
from homemail.imap.commands.listing import LISTING
from homemail.imap.commands.mailboxes import MAILBOXES
from homemail.imap.commands.search import SEARCH
from homemail.imap.commands.select import SELECT
from homemail.imap.commands.simple import SIMPLE
from homemail.imap.commands.status import STATUS
from homemail.imap.commands.store import STORE

COMMANDS = (
    SIMPLE,
    MAILBOXES,
    LISTING,
    STATUS,
    APPEND,
    SELECT,
    FETCH,
    SEARCH,
    STORE,
    COPY,
    EXPUNGE,
)
