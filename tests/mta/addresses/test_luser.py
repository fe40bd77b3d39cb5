# SPDX-License-Identifier: MIT
"""Local names that nobody has: ``fallback_transport``, ``luser_relay``."""

from __future__ import annotations

import pytest

from tests.mta.addresses.house import addressing, ends, resolve, table
from tests.mta.addresses.test_resolve import UNKNOWN


@pytest.mark.parametrize(
    ("setting", "text", "expected"),
    [
        ("$user@other.host", "nobodyhere@home.test", "nobodyhere@other.host"),
        ("$user@other.host", "nobodyhere+x@home.test", "nobodyhere@other.host"),
        ("$local@other.host", "Nobody+x@home.test", "Nobody+x@other.host"),
        ("catch${recipient_delimiter}$extension@o.host", "no+x@home.test", "catch+x@o.host"),
        ("all@$domain.o.host", "no@home.test", "all@home.test.o.host"),
        ("$user@other.host", '"|id, x"@home.test', '"|id, x"@other.host'),
    ],
)
def test_goes_to_another_address(setting, text, expected):
    resolved = resolve(addressing(luser_relay=setting), text)
    assert [str(one.recipient.forward_path) for one in resolved.accepted] == [expected]
    (one,) = resolved.accepted
    assert one.recipient.original.text == text


def test_or_to_one_here():
    made = addressing(luser_relay="alice+$user", alias_maps=table({"root": "nobody"}))
    assert ends(made, "nobody@home.test") == ["alice+nobody"]
    assert ends(made, "root@home.test") == ["alice+nobody"]
    assert ends(made, "bob@home.test") == ["bob"]
    assert ends(made, "postmaster@home.test") == ["alice"]


@pytest.mark.parametrize("setting", ["$user", "nobody2", "$user@not a host", "${extension}@o.host"])
def test_what_leads_nowhere_is_refused(setting):
    made = addressing(luser_relay=setting)
    assert ends(made, "nobody@home.test")[0].startswith("550 5.1.1 ")


def test_other_domains_have_no_luser():
    made = addressing(luser_relay="alice", virtual_alias_maps=table({"shop.example": "x"}))
    assert ends(made, "no@shop.example")[0].startswith(UNKNOWN.format("no@shop.example"))


def test_fallback_transport_comes_first():
    made = addressing(luser_relay="alice", fallback_transport="smtp:[old.example]:26")
    assert ends(made, "nobody@home.test") == ["smtp:[old.example]:26"]
    assert ends(made, "bob@home.test") == ["bob"]
    assert resolve(made, "nobody@home.test").refusal is None
