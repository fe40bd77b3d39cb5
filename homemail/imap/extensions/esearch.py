# SPDX-License-Identifier: MIT
"""ESEARCH: SEARCH RETURN (MIN MAX ALL COUNT) (RFC 4731 §3)."""

from __future__ import annotations

from homemail.imap.commands.search import Search, parse_search
from homemail.imap.extension import Extension
from homemail.imap.grammar import Scanner, SyntaxTrouble
from homemail.imap.response import Refusal
from homemail.imap.search_keys import SearchReader
from homemail.model.search import All


def parse_options(scanner: Scanner) -> tuple[bytes, ...]:
    """Read the result options that stand next, in parentheses."""
    options = scanner.parenthesized(scanner.word, empty=True)
    if not scanner.vocabulary.result_options.issuperset(options):
        raise SyntaxTrouble("Unknown result option")
    return tuple(dict.fromkeys(options or [b"ALL"]))


def _parse(scanner: Scanner, *, by_uid: bool = False) -> Search:
    if not scanner.accept(b" RETURN "):
        return parse_search(scanner, by_uid=by_uid)
    options = parse_options(scanner)
    scanner.space()
    try:
        return Search(SearchReader(scanner).program(), by_uid, options)
    except Refusal as refusal:
        scanner.skip_all()
        return Search(All(), by_uid, options, refusal.answer)


ESEARCH = Extension(
    capability=b"ESEARCH",
    grammar={b"SEARCH": _parse, b"UID SEARCH": lambda scanner: _parse(scanner, by_uid=True)},
    result_options=frozenset({b"MIN", b"MAX", b"COUNT", b"ALL"}),
)
