# SPDX-License-Identifier: MIT
"""SAVEDATE: when a message came into this mailbox (RFC 8514 §4)."""

from __future__ import annotations

from collections.abc import Callable

from homemail.imap import response
from homemail.imap.extension import Extension
from homemail.imap.fetch_items import FactItem
from homemail.imap.grammar import Scanner
from homemail.model.mailbox import MessageFacts
from homemail.model.search import All, SaveDate, SearchKey, When


def _save_date(facts: MessageFacts) -> bytes:
    return response.date_time(facts.save_date) if facts.save_date else b"NIL"


SAVE_DATE = FactItem(b"SAVEDATE", _save_date)


def _date_key(when: When) -> Callable[[Scanner], SearchKey]:
    def read(scanner: Scanner) -> SearchKey:
        scanner.space()
        return SaveDate(when, scanner.date())

    return read


SAVEDATE = Extension(
    capability=b"SAVEDATE",
    fetch_items={b"SAVEDATE": lambda scanner: SAVE_DATE},
    search_keys={
        b"SAVEDBEFORE": _date_key(When.BEFORE),
        b"SAVEDON": _date_key(When.ON),
        b"SAVEDSINCE": _date_key(When.SINCE),
        b"SAVEDATESUPPORTED": lambda scanner: All(),
    },
)
