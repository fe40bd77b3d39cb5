# SPDX-License-Identifier: MIT
"""QRESYNC: a client that comes back is told what has changed and vanished, and nothing else.

VANISHED instead of EXPUNGE is told by ``selected``, HIGHESTMODSEQ after EXPUNGE by its command.

Source: RFC 7162 §3.2.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from homemail.imap import response
from homemail.imap.commands.fetch import Fetch
from homemail.imap.extension import Extension, FetchModifier, SelectOption
from homemail.imap.extensions.condstore import CONDSTORE, Aware, parse_mod_seq
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Refusal, Tagged, bad
from homemail.imap.selected import Selected, merged
from homemail.imap.session import Session, selected
from homemail.model.mailbox import MessageFacts, ModSeq, SequenceSet, Uid

MOST_MATCHES = 10_000
"""Pairs of sequence number and UID that a client may name."""


@dataclass(frozen=True, slots=True)
class Resync:
    """What the client knows of the mailbox; ``matches`` pairs sequence numbers and UIDs."""

    uid_validity: int
    mod_seq: ModSeq
    known: SequenceSet | None = None
    matches: tuple[tuple[int, int], ...] = ()

    def begin(self, session: Session) -> None:
        _must_be_enabled(session)

    async def finish(self, session: Session, view: Selected) -> None:
        if self.uid_validity != view.uid_validity:
            return
        known = self.known or SequenceSet(((1, max(view.uid_next - 1, 1)),))
        spans = _spans(known, view)
        facts, vanished = await session.mail.read(view.mailbox.read_changed_since, self.mod_seq)
        floor = self._agreed(view.uids)
        session.send(*_earlier(view, (uid for uid in vanished if uid > floor), spans))
        await _send_changed(session, view, [one for one in facts if _is_in(spans, one.uid)])

    def _agreed(self, uids: Sequence[int]) -> int:
        """Return the UID up to which the client has the same messages (RFC 7162 §3.2.5.2)."""
        floor = 0
        for number, uid in self.matches:
            if not (number <= len(uids) and uids[number - 1] == uid):
                break
            floor = uid
        return floor


@dataclass(frozen=True, slots=True)
class FetchVanished:
    """UID FETCH with the modifier VANISHED."""

    command: Fetch


async def _fetch_vanished(session: Session, view: Selected, command: FetchVanished) -> Tagged:
    _must_be_enabled(session)
    fetch = command.command
    if not fetch.by_uid or fetch.changed_since is None:
        return bad("VANISHED needs UID FETCH and CHANGEDSINCE")
    _, vanished = await session.mail.read(view.mailbox.read_changed_since, fetch.changed_since)
    session.send(*_earlier(view, vanished, _spans(fetch.numbers, view)))
    return await session.vocabulary.handlers[Fetch](session, fetch)


def _must_be_enabled(session: Session) -> None:
    if b"QRESYNC" not in session.enabled:
        raise Refusal(bad("ENABLE QRESYNC first"))


def _spans(numbers: SequenceSet, view: Selected) -> list[tuple[int, int]]:
    """Return UIDs, there or not, as half-open spans."""
    if numbers.ranges:
        largest = view.uids[-1] if view.uids else 0
        return merged((low, high + 1) for low, high in numbers.spans(largest))
    return merged((low, high + 1) for low, high in view.uid_spans(numbers, by_uid=True))


def _is_in(spans: Sequence[tuple[int, int]], uid: int) -> bool:
    at = bisect_right(spans, (uid, 2**64)) - 1
    return at >= 0 and uid < spans[at][1]


def _earlier(
    view: Selected, vanished: Iterable[Uid], spans: Sequence[tuple[int, int]]
) -> list[bytes]:
    """Return VANISHED (EARLIER); what the client still counts among its messages is told later."""
    gone = [u for u in vanished if _is_in(spans, u) and view.sequence_number(u) is None]
    return [b"* VANISHED (EARLIER) %b\r\n" % response.number_set(gone)] if gone else []


async def _send_changed(session: Session, view: Selected, facts: Sequence[MessageFacts]) -> None:
    for one in facts:
        number = view.sequence_number(one.uid)
        if number is not None:
            values = view.flag_lists.get(one.flags, one.uid in view.recent)
            row = (number, one.uid, values, one.mod_seq)
            line = b"* %d FETCH (UID %d FLAGS %b MODSEQ (%d))\r\n" % row
            await session.dialogue.send_slice(line)


def _parse_option(scanner: Scanner) -> SelectOption:
    scanner.expect(b" (")
    validity = scanner.number()
    scanner.space()
    mod_seq = parse_mod_seq(scanner)
    known: SequenceSet | None = None
    matches: tuple[tuple[int, int], ...] = ()
    if scanner.accept_list():
        matches = _matches(scanner)
    elif scanner.accept(b" "):
        known = _known(scanner)
        matches = _matches(scanner) if scanner.accept_list() else ()
    scanner.expect(b")")
    return Resync(validity, mod_seq, known, matches)


def _matches(scanner: Scanner) -> tuple[tuple[int, int], ...]:
    scanner.expect(b"(")
    numbers = _numbers(_known(scanner))
    scanner.space()
    uids = _numbers(_known(scanner))
    scanner.expect(b")")
    if len(numbers) != len(uids):
        raise SyntaxTrouble("Expected as many UIDs as sequence numbers")
    return tuple(zip(numbers, uids, strict=True))


def _known(scanner: Scanner) -> SequenceSet:
    numbers = scanner.sequence_set()
    if not numbers.ranges or any(None in pair for pair in numbers.ranges):
        raise SyntaxTrouble("Expected numbers")  # neither * nor $ (RFC 7162 §7, known-uids)
    return numbers


def _numbers(numbers: SequenceSet) -> list[int]:
    spans = list(numbers.spans(0))
    if sum(high - low + 1 for low, high in spans) > MOST_MATCHES:
        raise SyntaxTrouble("Too many numbers")
    return sorted({number for low, high in spans for number in range(low, high + 1)})


def _parse_modifier(scanner: Scanner) -> FetchModifier:
    return lambda command: dataclasses.replace(command, vanished=True)


def _parse_fetch(scanner: Scanner, *, name: bytes) -> Fetch | Aware | FetchVanished:
    parsed: Fetch | Aware = CONDSTORE.grammar[name](scanner)
    fetch = parsed.command if isinstance(parsed, Aware) else parsed
    return FetchVanished(fetch) if fetch.vanished else parsed


QRESYNC = Extension(
    capability=b"QRESYNC",
    enable=frozenset({b"QRESYNC"}),
    grammar={
        b"FETCH": lambda scanner: _parse_fetch(scanner, name=b"FETCH"),
        b"UID FETCH": lambda scanner: _parse_fetch(scanner, name=b"UID FETCH"),
    },
    handlers={FetchVanished: selected(_fetch_vanished)},
    select_options={b"QRESYNC": _parse_option},
    fetch_modifiers={b"VANISHED": _parse_modifier},
)
