# SPDX-License-Identifier: MIT
"""What a check or a look at the content wants done with a message beside accepting it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from homemail.model.address import Address
from homemail.mta.api import Hold


@dataclass(frozen=True, slots=True)
class Discard:
    """Say that the message was accepted, and throw it away."""

    reason: str


@dataclass(frozen=True, slots=True)
class Prepend:
    """Put a header field in front of the message."""

    field: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the message to this address instead of its recipients."""

    to: Address


@dataclass(frozen=True, slots=True)
class Bcc:
    """Send the message to this address, too."""

    to: Address


@dataclass(frozen=True, slots=True)
class Filter:
    """Hand the message to this ``transport:nexthop`` instead of delivering it."""

    destination: str


Effect = Hold | Discard | Prepend | Redirect | Bcc | Filter


@dataclass(frozen=True, slots=True)
class Effects:
    """All that is to be done with one message; of two redirections and such the last counts."""

    discard: Discard | None = None
    hold: Hold | None = None
    redirect: Redirect | None = None
    filter: Filter | None = None
    prepend: tuple[str, ...] = ()
    bcc: tuple[Address, ...] = ()

    def __bool__(self) -> bool:
        return self != _NONE

    def with_(self, effects: Iterable[Effect]) -> Effects:
        """Return these and ``effects``."""
        result = self
        for effect in effects:
            match effect:
                case Discard():
                    result = replace(result, discard=effect)
                case Hold():
                    result = replace(result, hold=effect)
                case Redirect():
                    result = replace(result, redirect=effect)
                case Filter():
                    result = replace(result, filter=effect)
                case Prepend(field):
                    result = replace(result, prepend=(*result.prepend, field))
                case Bcc(to):
                    result = replace(result, bcc=(*result.bcc, to))
        return result


_NONE = Effects()
