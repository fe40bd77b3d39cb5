# SPDX-License-Identifier: MIT
"""The selected mailbox as one session sees it: numbers, and the changes it was not told of yet.

Invariants:

- ``uids[n - 1]`` is the UID of sequence number ``n`` exactly as the client knows it: it changes
  only in ``tell``, together with the EXISTS and EXPUNGE responses that say so.
- EXPUNGE is told only where the caller allows it (never during FETCH, STORE and SEARCH,
  RFC 3501 §7.4.1); what arrived and went unseen meanwhile is never mentioned.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from homemail.imap import response
from homemail.imap.grammar import SavedResult
from homemail.imap.open_message import OpenMessage
from homemail.model.mailbox import (
    SYSTEM_FLAGS,
    Added,
    Change,
    Expunged,
    Flag,
    Flags,
    FlagsChanged,
    ModSeq,
    SequenceSet,
    Uid,
)
from homemail.store.api import Mailbox, Snapshot


class Selected:
    """A mailbox that is open in a session. Used in the loop's thread only."""

    def __init__(self, mailbox: Mailbox, snapshot: Snapshot) -> None:
        self.mailbox = mailbox
        self.read_only = mailbox.read_only
        self.uids = array("Q", snapshot.uids)
        self.tells_recent = True
        self.saved: Sequence[Uid] = ()
        self.sort_values: dict[str, dict[int, Any]] = {}  # only ``sort_keys`` uses them
        self._recent: frozenset[Uid] = snapshot.recent
        self.last_opened: OpenMessage | None = None
        self.flag_lists = response.FlagLists()
        self.keywords: Flags = snapshot.keywords
        self.uid_validity = snapshot.uid_validity
        self.uid_next = snapshot.uid_next
        self.highest_mod_seq = snapshot.highest_mod_seq
        self._new_keywords = False
        self._told_recent = len(snapshot.recent)
        self._changed: dict[Uid, tuple[Flags, ModSeq]] = {}
        self._added: list[Uid] = []
        self._expunged: dict[Uid, ModSeq] = {}

    @property
    def recent(self) -> frozenset[Uid]:
        """The recent messages, as far as the client wants to know of them (not in IMAP4rev2)."""
        return self._recent if self.tells_recent else frozenset()

    def describe(self) -> list[bytes]:
        """Return the untagged responses of SELECT that say what is in the mailbox."""
        lines = [*self._describe_flags(), b"* %d EXISTS\r\n" % len(self.uids)]
        if self.tells_recent:
            lines.append(b"* %d RECENT\r\n" % self._told_recent)
        return lines

    def _describe_flags(self) -> list[bytes]:
        known = response.flags({*SYSTEM_FLAGS, *self.keywords})
        permanent = b"()"
        if not self.read_only:
            more = {Flag("\\*")} if self.mailbox.permanent_keywords else set()
            permanent = response.flags({*SYSTEM_FLAGS, *self.keywords, *more})
        return [
            b"* FLAGS %b\r\n" % known,
            b"* OK [PERMANENTFLAGS %b] Flags that are kept\r\n" % permanent,
        ]

    # --- numbers

    def sequence_number(self, uid: int) -> int | None:
        """Return the number of a message, or None where the client knows none."""
        at = bisect_left(self.uids, uid)
        return at + 1 if at < len(self.uids) and self.uids[at] == uid else None

    def pairs(self, numbers: SequenceSet, *, by_uid: bool) -> list[tuple[int, Uid]]:
        """Return (sequence number, UID) of the messages in a set, ascending, each once.

        Raises:
            Refusal: a sequence number that no message has (RFC 3501 §9, seq-number).
        """
        spans = merged(self._spans(numbers, by_uid))
        return [(n + 1, Uid(self.uids[n])) for low, high in spans for n in range(low, high)]

    def _spans(self, numbers: SequenceSet, by_uid: bool) -> Iterator[tuple[int, int]]:
        """Yield ranges of indexes, the end not included."""
        uids = self.uids
        if isinstance(numbers, SavedResult):
            places = (self.sequence_number(uid) for uid in self.saved)
            yield from ((number - 1, number) for number in places if number)
            return
        if by_uid:
            for low, high in numbers.spans(uids[-1] if uids else 0):
                yield bisect_left(uids, low), bisect_left(uids, high + 1)
            return
        for low, high in numbers.spans(len(uids)):
            if low < 1 or high > len(uids):
                raise response.Refusal(response.bad("There is no message with such a number"))
            yield low - 1, high

    def uid_spans(self, numbers: SequenceSet, *, by_uid: bool) -> tuple[tuple[int, int], ...]:
        """Return the UIDs of a set as inclusive spans."""
        spans = merged(self._spans(numbers, by_uid))
        return tuple((self.uids[low], self.uids[high - 1]) for low, high in spans)

    # --- changes

    def hear(self, changes: Sequence[Change], recent: frozenset[Uid]) -> None:
        """Take in what a watcher was told; the client hears of it at the next ``tell``."""
        self._recent = recent
        for change in changes:
            self.highest_mod_seq = max(self.highest_mod_seq, change.mod_seq)
            if not isinstance(change, Expunged):
                self._learn(change.flags)
            match change:
                case Added():
                    self._added.append(change.uid)
                case FlagsChanged():
                    self._changed[change.uid] = (change.flags, change.mod_seq)
                case Expunged():
                    self._expunged[change.uid] = change.mod_seq

    def _learn(self, values: Flags) -> None:
        new = [flag for flag in values if not flag.is_system and flag not in self.keywords]
        if new:
            self.keywords = self.keywords.union(new)
            self._new_keywords = True

    def forget_flags(self, told: Iterable[tuple[Uid, ModSeq]]) -> None:
        """Drop what the client knows already, from STORE's own answer or by its wish."""
        for uid, mod_seq in told:
            known = self._changed.get(uid)
            if known and known[1] <= mod_seq:
                del self._changed[uid]

    @property
    def has_news(self) -> bool:
        return bool(self._added or self._expunged or self._changed or self._new_keywords)

    def tell(
        self, *, expunge: bool, mod_seq: bool = False, uid: bool = False, vanished: bool = False
    ) -> list[bytes]:
        """Return the untagged responses for what has changed, and take it as known.

        ``mod_seq``: the client has enabled CONDSTORE; ``uid``: FETCH responses are to have the UID
        (RFC 3501 §6.4.8 wants it for UID commands); ``vanished``: it has enabled QRESYNC.
        """
        lines = self.tell_keywords()
        if expunge and self._expunged:
            gone = self._take_expunged()
            if vanished:
                uids = response.number_set([uid for _, uid in gone])
                lines += [b"* VANISHED %b\r\n" % uids] if gone else []
            else:
                # Highest first: no number shifts another's.
                lines += [b"* %d EXPUNGE\r\n" % (at + 1) for at, _ in reversed(gone)]
        if self._added:
            lines += self._tell_added()
        if self._changed:
            lines += self._tell_flags(mod_seq, uid)
        if vanished and self._expunged:
            # So that a client that loses us here asks for what it was not told (RFC 7162 §3.2).
            safe = min(self._expunged.values()) - 1
            lines.append(b"* OK [HIGHESTMODSEQ %d] Some messages are gone\r\n" % safe)
        return lines

    def tell_keywords(self) -> list[bytes]:
        """Return FLAGS anew where there are keywords that the client does not know."""
        if not self._new_keywords:
            return []
        self._new_keywords = False
        return self._describe_flags()

    def _take_expunged(self) -> list[tuple[int, Uid]]:
        """Let the messages go that are gone; return where they were, and their UIDs."""
        gone, self._expunged = self._expunged, {}
        places = sorted((bisect_left(self.uids, uid), uid) for uid in gone)
        known = [(at, uid) for at, uid in places if self.uids[at : at + 1] == array("Q", [uid])]
        for uid in gone:
            self._changed.pop(uid, None)
        if len(known) > 64:
            self.uids = array("Q", (uid for uid in self.uids if uid not in gone))
        else:
            for at, _ in reversed(known):
                del self.uids[at]
        self._added = [uid for uid in self._added if uid not in gone]
        return known

    def _tell_added(self) -> list[bytes]:
        added, self._added = self._added, []
        last = self.uids[-1] if self.uids else 0
        self.uids.extend(uid for uid in added if uid > last and uid not in self._expunged)
        lines = [b"* %d EXISTS\r\n" % len(self.uids)]
        if self.tells_recent and len(self.recent) != self._told_recent:
            self._told_recent = len(self.recent)
            lines.append(b"* %d RECENT\r\n" % self._told_recent)
        return lines

    def _tell_flags(self, mod_seq: bool, uid: bool) -> list[bytes]:
        changed, self._changed = self._changed, {}
        lines: list[bytes] = []
        for number, values, seq in sorted(
            (number, self.flag_lists.get(values, which in self.recent), (which, seq))
            for which, (values, seq) in changed.items()
            if which not in self._expunged and (number := self.sequence_number(which))
        ):
            more = b"UID %d " % seq[0] if uid else b""
            tail = b" MODSEQ (%d)" % seq[1] if mod_seq else b""
            lines.append(b"* %d FETCH (%bFLAGS %b%b)\r\n" % (number, more, values, tail))
        return lines


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return half-open spans in order, without overlap and empty ones."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result
