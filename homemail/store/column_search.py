# SPDX-License-Identifier: MIT
"""What of a search the columns in memory can answer, without an object for each message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta

from homemail.model.search import (
    All,
    And,
    HasFlag,
    InternalDate,
    Larger,
    ModSeqSince,
    Not,
    Older,
    Or,
    Recent,
    SearchKey,
    Smaller,
    UidIn,
    When,
    Younger,
)
from homemail.store.keywords import Keywords
from homemail.store.rows import Rows
from homemail.store.search import Moment, is_in

Test = Callable[[int], bool]
"""Whether the message at a position is one."""


class ColumnSearch:
    """A search over ``rows``; ``keywords`` are the mailbox's."""

    def __init__(self, rows: Rows, keywords: Keywords, moment: Moment) -> None:
        self._rows = rows
        self._keywords = keywords
        self._moment = moment
        # Sizes and dates of files that nobody has read yet are not in the columns.
        self._is_filled = 0 not in rows.filled

    def narrow(self, key: SearchKey) -> tuple[list[int], SearchKey]:
        """Return the positions that may match, and what is still to be asked of them.

        ``key`` is prepared (``search.prepared``).
        """
        positions: Iterable[int] = range(len(self._rows.uids))
        rest: list[SearchKey] = []
        for one in key.keys if isinstance(key, And) else (key,):
            test = self._test(one)
            if test is None:
                rest.append(one)
            else:
                positions = [at for at in positions if test(at)]
        return list(positions), And(tuple(rest)) if rest else All()

    def _test(self, key: SearchKey) -> Test | None:
        rows = self._rows
        match key:
            case All():
                return lambda at: True
            case HasFlag(flag):
                bits, mask = rows.bits, self._keywords.to_bits([flag])
                return lambda at: bits[at] & mask != 0
            case UidIn(spans):
                return lambda at: is_in(spans, rows.uids[at])
            case Recent():
                recent = self._moment.recent
                return lambda at: rows.uids[at] in recent
            case ModSeqSince(mod_seq):
                return lambda at: rows.mod_seqs[at] >= mod_seq
            case Not(inner):
                test = self._test(inner)
                return (lambda at: not test(at)) if test else None
            case And(keys):
                return self._together(keys, all)
            case Or(first, second):
                return self._together((first, second), any)
        return self._filled_test(key) if self._is_filled else None

    def _together(
        self, keys: Iterable[SearchKey], how: Callable[[Iterable[bool]], bool]
    ) -> Test | None:
        tests = [test for key in keys if (test := self._test(key))]
        if len(tests) < len(tuple(keys)):
            return None
        return lambda at: how(test(at) for test in tests)

    def _filled_test(self, key: SearchKey) -> Test | None:
        rows = self._rows
        match key:
            case Larger(octets):
                return lambda at: rows.sizes[at] > octets
            case Smaller(octets):
                return lambda at: rows.sizes[at] < octets
            case Younger(seconds):
                first = self._moment.now.timestamp() - seconds
                return lambda at: rows.dates[at] >= first
            case Older(seconds):
                first = self._moment.now.timestamp() - seconds
                return lambda at: rows.dates[at] < first
            case InternalDate():
                return self._date_test(key)
        return None

    def _date_test(self, key: InternalDate) -> Test:
        dates = self._rows.dates
        begin = datetime.combine(key.day, time(), UTC)
        first = begin.timestamp()
        match key.when:
            case When.BEFORE:
                return lambda at: dates[at] < first
            case When.SINCE:
                return lambda at: dates[at] >= first
            case When.ON:
                last = first + timedelta(days=1).total_seconds()
                return lambda at: first <= dates[at] < last
