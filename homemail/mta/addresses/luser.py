# SPDX-License-Identifier: MIT
"""``luser_relay``: the address that stands in for local names that nobody has."""

from __future__ import annotations

from homemail.config.expand import expand
from homemail.log import Log
from homemail.model.address import Address, Domain
from homemail.mta.addresses.keys import split_detail

log = Log("rewrite")


def luser_address(
    setting: str, address: Address, delimiters: str, mydomain: Domain
) -> Address | None:
    """Return what ``setting`` makes of ``address``; None where that is no address.

    Each side of its last ``@`` is filled in by itself: what a peer wrote cannot become another
    kind of target, nor several.
    """
    user, detail = split_detail(address.local_part, delimiters) or (address.local_part, "")
    values = {
        "user": user,
        "extension": detail,
        "recipient_delimiter": delimiters[:1] if detail else "",
        "local": address.local_part,
        "domain": address.domain.name,
        "recipient": str(address),
    }
    local_part, _, domain = setting.rpartition("@")
    try:
        if not local_part:
            return Address(_filled(domain, values), mydomain)
        return Address(_filled(local_part, values), Domain.parse(_filled(domain, values)))
    except ValueError as error:
        log.error("luser_relay is no address", setting=setting, recipient=address, why=error)
        return None


def _filled(text: str, values: dict[str, str]) -> str:
    filled = expand(text, values.get)
    if not filled or len(filled) > 256:
        raise ValueError("empty, or too long")
    return filled
