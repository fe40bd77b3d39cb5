# SPDX-License-Identifier: MIT
"""Addresses and the names of accounts.

A local part is kept verbatim (RFC 5321 §2.4); a domain compares case-folded and in its A-label
form. ``Address`` is what stands between ``<`` and ``>``; paths with ESMTP parameters belong to
``mta``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

AccountId = NewType("AccountId", str)
"""Canonical name: ``name@domain``, or ``name`` for a system user; NFC, case-folded."""

# The classes name the ASCII that is not meant: a class that reaches up to U+10FFFF takes
# milliseconds to compile, and every command would wait for it.
_ATEXT = r'[^\x00- "(),.:;<>@\[\\\]\x7f]'
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"')
_LABEL = r"[^\x00-/:-@\[-`{-\x7f](?:[^\x00-,./:-@\[-^`{-\x7f]*[^\x00-/:-@\[-`{-\x7f])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LITERAL = re.compile(r"\[[!-Z^-~]+\]")


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain name or an address literal such as ``[192.0.2.1]``.

    ``name`` is the lower-case A-label form, which compares; ``text`` is what was written.
    """

    name: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Domain:
        """Return the domain in ``text``.

        Raises:
            ValueError: it is not one (RFC 5321 §4.1.2), or longer than 255 octets.
        """
        if _LITERAL.fullmatch(text):
            return cls(text.lower(), text)
        if not _DOMAIN.fullmatch(text):
            raise ValueError("not a domain name")
        name = text.lower()
        if not text.isascii():
            try:
                name = unicodedata.normalize("NFC", text).encode("idna").decode("ascii").lower()
            except UnicodeError:
                raise ValueError("not a domain name") from None
        if len(name) > 255 or any(len(label) > 63 for label in name.split(".")):
            raise ValueError("a domain name that is too long")
        return cls(name, text)

    @property
    def is_literal(self) -> bool:
        return self.name.startswith("[")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Domain) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Address:
    """``local_part@domain``; the local part is in its shortest form, without needless quotes."""

    local_part: str
    domain: Domain

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address in ``text`` (RFC 5321 §4.1.2, RFC 6531 §3.3), without ``<>``.

        Raises:
            ValueError: with a short reason that is safe for a client.
        """
        local, at, domain = text.rpartition("@")
        if not at:
            raise ValueError("an address needs a domain")
        return cls(parse_local_part(local), Domain.parse(domain))

    @property
    def is_ascii(self) -> bool:
        return self.local_part.isascii() and self.domain.text.isascii()

    def __str__(self) -> str:
        return f"{quote_local_part(self.local_part)}@{self.domain}"


ReversePath = Address | None
"""``None`` is the null reverse-path ``<>`` (RFC 5321 §4.5.5)."""


def parse_local_part(text: str) -> str:
    """Return the local part that ``text`` writes, with quotes taken off.

    Raises:
        ValueError: it is not one, or longer than 64 octets (RFC 5321 §4.5.3.1.1) times four.
    """
    if len(text.encode("utf-8", "surrogatepass")) > 256:
        raise ValueError("a local part that is too long")
    if _DOT_STRING.fullmatch(text):
        return text
    if _QUOTED.fullmatch(text):
        plain = re.sub(r"\\(.)", r"\1", text[1:-1])
        if plain:
            return plain
    raise ValueError("not a local part")


def quote_local_part(local_part: str) -> str:
    """Return ``local_part`` as it stands in an address: quoted where it must be."""
    if _DOT_STRING.fullmatch(local_part):
        return local_part
    return '"' + re.sub(r'(["\\])', r"\\\1", local_part) + '"'


def account_id(name: str) -> AccountId:
    """Return the canonical form of an account's name."""
    return AccountId(unicodedata.normalize("NFC", name.strip()).casefold())
