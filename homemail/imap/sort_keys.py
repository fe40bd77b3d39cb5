# SPDX-License-Identifier: MIT
"""What messages are sorted by: one value for each message, read once in a session.

A message never changes what it is sorted by, so a value that was read is kept with the selected
mailbox: sorting again costs the sorting.

Source: RFC 5256 §3.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homemail.message.address_list import ListedAddress, parse_addresses
from homemail.message.dates import parse_date
from homemail.message.header import read_fields
from homemail.message.subject import base_subject
from homemail.model.mailbox import MessageFacts, Uid
from homemail.store.api import Mailbox, Wanted

if TYPE_CHECKING:
    from homemail.imap.selected import Selected

Fields = Mapping[bytes, Sequence[bytes]]

BATCH = 500
"""Messages that the index is asked for at once."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """A sort criterion.

    ``from_fields`` makes the value of the header's fields; where it is missing or returns None,
    ``from_facts`` makes it. ``nothing`` stands for a message that is gone.
    """

    name: str
    nothing: Any
    from_fields: Callable[[Fields], Any] | None = None
    from_facts: Callable[[MessageFacts], Any] | None = None


def read_column(view: Selected, uids: Sequence[Uid], key: SortKey) -> list[Any]:
    """Return the values of messages, in the order given. Runs beside the owner's lane."""
    known = view.sort_values.setdefault(key.name, {})
    unknown = [uid for uid in uids if uid not in known]
    for start in range(0, len(unknown), BATCH):
        _read(view.mailbox, unknown[start : start + BATCH], key, known)
    return [known.get(uid, key.nothing) for uid in uids]


def _read(mailbox: Mailbox, uids: Sequence[Uid], key: SortKey, known: dict[int, Any]) -> None:
    missing: Sequence[Uid] = uids
    if key.from_fields is not None:
        for parts in mailbox.read_cached(uids, Wanted(header=True)):
            value = key.from_fields(read_fields(parts.header))
            if value is not None:
                known[parts.uid] = value
        missing = [uid for uid in uids if uid not in known]
    if key.from_facts is not None and missing:
        for facts in mailbox.read_facts(missing):
            known[facts.uid] = key.from_facts(facts)


def folded(text: str) -> str:
    """Return text so that comparing it disregards case and forms of letters."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text.casefold())


def first_address(fields: Fields, name: bytes) -> ListedAddress | None:
    """Return the first entry of an address list, as ENVELOPE has it."""
    bodies = fields.get(name)
    entries = parse_addresses(bodies[0]) if bodies else []
    return entries[0] if entries else None


def sent_date(fields: Fields) -> float | None:
    """Return when the message was sent, in seconds; None where it does not say (RFC 5256 §2.2)."""
    moment = next(map(parse_date, fields.get(b"date", ())), None)
    try:
        return moment.timestamp() if moment else None
    except (ValueError, OverflowError):
        return None


def _address_key(name: str) -> SortKey:
    field_name = name.lower().encode("ascii")

    def value(fields: Fields) -> str:
        address = first_address(fields, field_name)
        local = address.mailbox if address else None
        return folded(local.decode("utf-8", "replace")) if local else ""

    return SortKey(name, "", value)


def subject(fields: Fields) -> str:
    """Return the base subject, folded."""
    bodies = fields.get(b"subject")
    return folded(base_subject(bodies[0])) if bodies else ""


def arrival(facts: MessageFacts) -> float:
    """Return the internal date, in seconds."""
    return facts.internal_date.timestamp()


ARRIVAL = SortKey("ARRIVAL", 0.0, None, arrival)
CC = _address_key("CC")
DATE = SortKey("DATE", 0.0, sent_date, arrival)
FROM = _address_key("FROM")
SIZE = SortKey("SIZE", 0, None, lambda facts: facts.size)
SUBJECT = SortKey("SUBJECT", "", subject)
TO = _address_key("TO")
