# SPDX-License-Identifier: MIT
"""FETCH and UID FETCH (RFC 3501 §6.4.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from homemail.imap import response
from homemail.imap.dialogue import SLICE
from homemail.imap.extension import Extension, FetchModifier
from homemail.imap.fetch_answers import BATCH, PLAIN_BATCH, BrokenLiteral, Plan, take_slice
from homemail.imap.fetch_items import (
    FactItem,
    FlagsItem,
    FromIndex,
    Item,
    SectionItem,
    UidItem,
    parse_body,
    parse_items,
    parse_section,
)
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Tagged, ok
from homemail.imap.selected import Selected
from homemail.imap.session import Session, selected
from homemail.log import Log
from homemail.message.section import Section, SectionText
from homemail.model.mailbox import SEEN, FlagChange, ModSeq, SequenceSet, Uid
from homemail.stream import Disconnected

log = Log("imap")

MACROS = {
    b"ALL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"),
    b"FAST": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"),
    b"FULL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"),
}


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH."""

    numbers: SequenceSet
    by_uid: bool
    items: tuple[Item, ...]
    changed_since: ModSeq | None = None
    vanished: bool = False


async def _fetch(session: Session, view: Selected, command: Fetch) -> Tagged:
    pairs = view.pairs(command.numbers, by_uid=command.by_uid)
    if command.changed_since is not None:
        facts, _ = await session.mail.read(view.mailbox.read_changed_since, command.changed_since)
        changed = {fact.uid for fact in facts}
        pairs = [pair for pair in pairs if pair[1] in changed]
    items = command.items
    if command.by_uid and UidItem() not in items:
        items = (UidItem(), *items)
    plan = Plan(view, items)
    batch = PLAIN_BATCH if plan.is_plain else BATCH
    for start in range(0, len(pairs), batch):
        await _fetch_batch(session, view, plan, pairs[start : start + batch])
    if plan.gone:
        return ok("Some messages are gone", b"EXPUNGEISSUED")
    return ok("Messages fetched")


async def _fetch_batch(
    session: Session, view: Selected, plan: Plan, pairs: list[tuple[int, Uid]]
) -> None:
    if plan.sets_seen and not view.read_only:
        uids = [uid for _, uid in pairs]
        result = await session.mail.change(
            view.mailbox.store, uids, FlagChange.ADD, frozenset({SEEN})
        )
        if plan.tells_flags and not session.tells_mod_seq:
            view.forget_flags((facts.uid, facts.mod_seq) for facts in result.changed)
    pieces = plan.answers(pairs)
    more = True
    while more:
        try:
            piece, more = await session.mail.read(take_slice, pieces, SLICE)
        except BrokenLiteral:
            log.exception("message cut short", trace=session.start.trace)
            session.dialogue.stream.abort()
            raise Disconnected from None
        await session.dialogue.send_slice(piece)


def _rfc822(label: bytes, text: SectionText, *, sets_seen: bool) -> Callable[[Scanner], Item]:
    return lambda scanner: SectionItem(label, Section((), text), sets_seen=sets_seen)


INTERNALDATE = FactItem(b"INTERNALDATE", lambda facts: response.date_time(facts.internal_date))
SIZE = FactItem(b"RFC822.SIZE", lambda facts: b"%d" % facts.size)

WORDS: dict[bytes, Callable[[Scanner], Item]] = {
    b"UID": lambda scanner: UidItem(),
    b"FLAGS": lambda scanner: FlagsItem(),
    b"ENVELOPE": lambda scanner: FromIndex.ENVELOPE,
    b"BODYSTRUCTURE": lambda scanner: FromIndex.BODYSTRUCTURE,
    b"BODY": parse_body,
    b"BODY.PEEK": lambda scanner: parse_section(scanner, peek=True),
    b"INTERNALDATE": lambda scanner: INTERNALDATE,
    b"RFC822.SIZE": lambda scanner: SIZE,
    b"RFC822": _rfc822(b"RFC822", SectionText.ALL, sets_seen=True),
    b"RFC822.HEADER": _rfc822(b"RFC822.HEADER", SectionText.HEADER, sets_seen=False),
    b"RFC822.TEXT": _rfc822(b"RFC822.TEXT", SectionText.TEXT, sets_seen=True),
}


def parse_fetch(scanner: Scanner, *, by_uid: bool = False) -> Fetch:
    """Read a sequence set, items and modifiers."""
    scanner.space()
    numbers = scanner.sequence_set()
    scanner.space()
    items = parse_items(scanner, scanner.vocabulary.fetch_items, MACROS)
    command = Fetch(numbers, by_uid, items)
    if scanner.accept_list():
        for modifier in scanner.parenthesized(lambda: _modifier(scanner)):
            command = modifier(command)
    return command


def _modifier(scanner: Scanner) -> FetchModifier:
    read = scanner.vocabulary.fetch_modifiers.get(scanner.word())
    if read is None:
        raise SyntaxTrouble("Unknown modifier")
    return read(scanner)


FETCH = Extension(
    grammar={
        b"FETCH": parse_fetch,
        b"UID FETCH": lambda scanner: parse_fetch(scanner, by_uid=True),
    },
    handlers={Fetch: selected(_fetch)},
    fetch_items=WORDS,
)
