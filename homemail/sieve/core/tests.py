# SPDX-License-Identifier: MIT
"""``header``, ``address``, ``exists``, ``size`` (RFC 5228 §5)."""

from __future__ import annotations

from collections.abc import Sequence

from homemail.sieve.compiler import Compiler
from homemail.sieve.core.match import fold_ascii
from homemail.sieve.diagnostic import Wrong
from homemail.sieve.extension import Extension, TagSpec, TestSpec, Texts
from homemail.sieve.interpret import Predicate, Run
from homemail.sieve.syntax import Kind, Strings
from homemail.sieve.validate import Bound
from homemail.sieve.view import SeenAddress

ADDRESS_FIELDS = frozenset(
    {
        *("from", "to", "cc", "bcc", "sender", "reply-to", "return-path"),
        *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"),
        *("resent-reply-to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"),
        *("envelope-from", "x-envelope-from", "errors-to", "apparently-to", "mail-followup-to"),
        *("mail-reply-to", "disposition-notification-to", "return-receipt-to", "x-beenthere"),
        *(
            "content-from",
            "followup-to",
            "list-post",
            "x-forwarded-to",
            "x-forwarded-for",
            "for-handling",
        ),
    }
)
"""Fields known to hold addresses; the test refuses others (RFC 5228 §5.1)."""


def _names(texts: Texts) -> Texts:
    if texts.constant is not None:
        return Texts.fixed(tuple(fold_ascii(name) for name in texts.constant))
    return Texts(None, lambda run: tuple(fold_ascii(name) for name in texts.of(run)))


def field_names(strings: Strings, compiler: Compiler) -> Texts:
    """Return the field names of a test, in lower case."""
    return _names(compiler.texts(strings))


def is_plain(bound: Bound) -> bool:
    """Whether no tag of an extension changes what a test looks at."""
    specs = (bound.specs[tag] for tag in bound.tags)
    return not any(spec.select or spec.sources or spec.extract for spec in specs)


def _header(bound: Bound, compiler: Compiler) -> Predicate:
    texts = field_names(bound.strings(0), compiler)
    names = texts.of
    matcher = compiler.matcher(bound, bound.strings(1))
    select, sources = compiler.select(bound), compiler.sources(bound)
    extract = compiler.extract(bound)

    if texts.constant is not None and len(texts.constant) == 1 and is_plain(bound):
        (only,) = texts.constant
        return lambda run: matcher(run, run.message.fields(only))

    def header(run: Run) -> bool:
        values: list[str] = []
        for source in sources(run):
            for name in names(run):
                bodies = source.fields(name)
                values += bodies if extract is None else extract(run, name, bodies)
        return matcher(run, values if select is None else select(values))

    return header


def _address(bound: Bound, compiler: Compiler) -> Predicate:
    texts = field_names(bound.strings(0), compiler)
    for item, name in zip(bound.strings(0).items, texts.constant or (), strict=False):
        if name not in ADDRESS_FIELDS:
            raise Wrong(item.at, f'the field "{name[:60]}" is not known to hold addresses')
    names, part = texts.of, compiler.part(bound)
    matcher = compiler.matcher(bound, bound.strings(1))
    select, sources = compiler.select(bound), compiler.sources(bound)
    may_keep = texts.constant is not None and is_plain(bound)
    key = (part, texts.constant)

    def address(run: Run) -> bool:
        if may_keep and (kept := run.kept.get(key)) is not None:
            return matcher(run, kept)
        fields: list[Sequence[SeenAddress]] = []
        for source in sources(run):
            for name in names(run):
                fields += source.addresses(name) if name in ADDRESS_FIELDS else ()
        values = [
            value
            for field in (fields if select is None else select(fields))
            for seen in field
            if (value := part(seen.local_part, seen.domain, run)) is not None
        ]
        if may_keep:
            run.kept[key] = values
        return matcher(run, values)

    return address


def _exists(bound: Bound, compiler: Compiler) -> Predicate:
    names, sources = field_names(bound.strings(0), compiler).of, compiler.sources(bound)
    return lambda run: all(
        any(source.fields(name) for source in sources(run)) for name in names(run)
    )


def _size(bound: Bound, compiler: Compiler) -> Predicate:
    octets = bound.number(0)
    if bound.of_group("direction") is None:
        raise Wrong(bound.at, '"size" needs ":over" or ":under"')
    if "over" in bound.tags:
        return lambda run: run.message.size > octets
    return lambda run: run.message.size < octets


def _all(local_part: str, domain: str, run: Run) -> str:
    return f"{local_part}@{domain}" if domain else local_part


_SIZE_TAGS = {"over": TagSpec(group="direction"), "under": TagSpec(group="direction")}
_TWO = (Kind.STRINGS, Kind.STRINGS)

TESTS = Extension(
    name="",
    tests={
        "header": TestSpec(_TWO, matches=True, build=_header),
        "address": TestSpec(_TWO, matches=True, address_parts=True, build=_address),
        "exists": TestSpec((Kind.STRINGS,), build=_exists),
        "size": TestSpec((Kind.NUMBER,), tags=_SIZE_TAGS, build=_size),
    },
    address_parts={
        "all": _all,
        "localpart": lambda local_part, domain, run: local_part,
        "domain": lambda local_part, domain, run: domain,
    },
)
