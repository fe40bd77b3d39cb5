# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.errors import TableUnavailable
from homemail.model.address import Address
from homemail.mta.next_hop import parse_next_hop
from homemail.mta.sending.credentials import Credentials, PasswordMap

TEXT = """\
# providers
[Mail.isp.test]:587\talice:one:with colons

mail.other.test
    bob:two
hub.test carol
"""


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "sasl_passwd"
    path.write_text(TEXT)
    path.chmod(0o600)
    return PasswordMap(path), path


@pytest.mark.parametrize(
    ("hop", "found"),
    [
        ("[mail.isp.test]:587", Credentials("alice", "one:with colons")),
        ("[mail.isp.test]", None),
        ("[mail.other.test]:465", Credentials("bob", "two")),
        ("mail.other.test", Credentials("bob", "two")),
        ("hub.test", None),
        ("stranger.test", None),
    ],
)
def test_found_by_next_hop(passwords, hop, found, caplog):
    assert passwords[0].find(parse_next_hop(hop)) == found
    assert "without user:password" in caplog.text
    assert "open to everybody" not in caplog.text


def test_read_again_when_it_changes(passwords):
    table, path = passwords
    hop = parse_next_hop("hub.test")
    assert table.find(hop) is None
    path.write_text("hub.test carol:three\n")
    assert table.find(hop) == Credentials("carol", "three")
    path.unlink()
    with pytest.raises(TableUnavailable):
        table.find(hop)


def test_open_to_everybody_is_told(passwords, caplog):
    passwords[1].chmod(0o644)
    passwords[0].find(parse_next_hop("hub.test"))
    assert "open to everybody" in caplog.text


def test_a_password_is_not_shown():
    assert "two" not in repr(Credentials("bob", "two"))


def test_a_sender_may_have_a_password_of_his_own(passwords):
    table, path = passwords
    path.write_text("Ann@home.test ann:four\nhub.test carol:three\n")
    hop = parse_next_hop("hub.test")
    assert table.find(hop, Address.parse("ann@Home.test")) == Credentials("ann", "four")
    assert table.find(hop, Address.parse("bob@home.test")) == Credentials("carol", "three")
    assert table.find(hop) == Credentials("carol", "three")
