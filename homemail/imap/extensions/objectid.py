# SPDX-License-Identifier: MIT
"""OBJECTID: names of mailboxes, messages and threads that outlive UIDs.

Source: RFC 8474 §4, RFC 8474 §5.
"""

from __future__ import annotations

from collections.abc import Callable

from homemail.imap.extension import Extension
from homemail.imap.fetch_items import FactItem
from homemail.imap.grammar import Scanner
from homemail.model.search import EmailIdIs, SearchKey, ThreadIdIs

EMAILID = FactItem(b"EMAILID", lambda facts: b"(%b)" % facts.email_id.encode("ascii"))
THREADID = FactItem(
    b"THREADID",
    lambda facts: b"(%b)" % facts.thread_id.encode("ascii") if facts.thread_id else b"NIL",
)


def _id_key(kind: type[EmailIdIs] | type[ThreadIdIs]) -> Callable[[Scanner], SearchKey]:
    def read(scanner: Scanner) -> SearchKey:
        scanner.space()
        return kind(scanner.text())

    return read


OBJECTID = Extension(
    capability=b"OBJECTID",
    fetch_items={b"EMAILID": lambda scanner: EMAILID, b"THREADID": lambda scanner: THREADID},
    search_keys={b"EMAILID": _id_key(EmailIdIs), b"THREADID": _id_key(ThreadIdIs)},
    status_items={b"MAILBOXID": lambda counts: b"(%b)" % counts.mailbox_id.encode("ascii")},
)
