# SPDX-License-Identifier: MIT
"""Checks on names: the client's, the one in HELO, the domains of addresses."""

from __future__ import annotations

import pytest

from homemail.config.smtp import SmtpSettings
from homemail.errors import ConfigError
from homemail.model.address import account_id
from homemail.mta.policy.restrictions import Restrictions
from tests.mta.policy.world import context, facilities, said


@pytest.mark.parametrize(
    ("client", "check", "reply"),
    [
        ("198.51.100.6", "reject_unknown_client_hostname", ""),
        ("198.51.100.2", "reject_unknown_client_hostname", "450 4.7.25 Client host rejected: "
         "cannot find your hostname, [198.51.100.2]"),
        ("198.51.100.1", "reject_unknown_client", "450 4.7.25 Client host rejected: "
         "cannot find your hostname, [198.51.100.1]"),
        ("198.51.100.4", "reject_unknown_client", "450 4.7.25 Client host rejected: "
         "cannot find your hostname, [198.51.100.4]"),
        ("198.51.100.2", "reject_unknown_reverse_client_hostname", ""),
        ("198.51.100.2", "reject_unknown_forward_client_hostname", ""),
        ("198.51.100.3", "reject_unknown_forward_client_hostname", "450 4.7.25 Client host "
         "rejected: cannot find your forward hostname, [198.51.100.3]"),
        ("198.51.100.1", "reject_unknown_reverse_client_hostname", "450 4.7.25 Client host "
         "rejected: cannot find your reverse hostname, [198.51.100.1]"),
    ],
)  # fmt: skip
def test_client(client, check, reply):
    assert said(context(client), check) == reply


def test_the_code_is_a_setting_but_not_where_dns_is_down():
    around = facilities(unknown_client_reject_code=550)
    assert said(context(around=around), "reject_unknown_client").startswith("550 5.7.25 ")
    down = context("198.51.100.4", around=around)
    assert said(down, "reject_unknown_client").startswith("450 4.7.25 ")


@pytest.mark.parametrize(
    ("helo", "check", "reply"),
    [
        ("client.example", "reject_invalid_helo_hostname", ""),
        ("[192.0.2.1]", "reject_invalid_helo_hostname", ""),
        ("[IPv6:2001:db8::1]", "reject_invalid_helo_hostname", ""),
        ("192.0.2.1", "reject_invalid_helo_hostname",
         "501 5.5.2 <192.0.2.1>: Helo command rejected: Invalid name"),
        ("a..b", "reject_invalid_hostname",
         "501 5.5.2 <a..b>: Helo command rejected: Invalid name"),
        ("[192.0.2]", "reject_invalid_hostname",
         "501 5.5.2 <[192.0.2]>: Helo command rejected: Invalid name"),
        ("dude", "reject_non_fqdn_helo_hostname",
         "504 5.5.2 <dude>: Helo command rejected: need fully-qualified hostname"),
        ("dude", "reject_non_fqdn_hostname",
         "504 5.5.2 <dude>: Helo command rejected: need fully-qualified hostname"),
        ("client.example", "reject_non_fqdn_hostname", ""),
        ("host.example", "reject_unknown_helo_hostname", ""),
        ("mail.example", "reject_unknown_helo_hostname", ""),
        ("dude", "reject_unknown_hostname",
         "450 4.7.1 <dude>: Helo command rejected: Host not found"),
        ("down.example", "reject_unknown_hostname",
         "450 4.7.1 <down.example>: Helo command rejected: Host not found"),
        ("mail.home.test", "reject_forged_helo_hostname",
         "554 5.7.1 <mail.home.test>: Helo command rejected: that is my name, not yours"),
        ("[192.0.2.25]", "reject_forged_helo_hostname",
         "554 5.7.1 <[192.0.2.25]>: Helo command rejected: that is my name, not yours"),
        ("client.example", "reject_forged_helo_hostname", ""),
    ],
)  # fmt: skip
def test_helo(helo, check, reply):
    assert said(context(helo=helo), check) == reply


def test_naked_address_is_permitted_where_asked():
    assert said(context(helo="192.0.2.9"), "permit_naked_ip_address", "reject") == ""
    assert said(context(helo="x"), "permit_naked_ip_address", "reject").startswith("554 5.7.1")


@pytest.mark.parametrize(
    ("sender", "check", "reply"),
    [
        ("a@mail.example", "reject_unknown_sender_domain", ""),
        ("a@host.example", "reject_unknown_sender_domain", ""),
        ("a@home.test", "reject_unknown_sender_domain", ""),
        ("a@[192.0.2.1]", "reject_unknown_sender_domain", ""),
        (None, "reject_unknown_sender_domain", ""),
        ("badguy@spammer.com", "reject_unknown_sender_domain",
         "450 4.1.8 <badguy@spammer.com>: Sender address rejected: Domain not found"),
        ("a@down.example", "reject_unknown_sender_domain",
         "450 4.1.8 <a@down.example>: Sender address rejected: Domain not found"),
        ("a@null.example", "reject_unknown_sender_domain", "550 5.7.27 <a@null.example>: "
         "Sender address rejected: Domain null.example does not accept mail (nullMX)"),
        ("a@dude", "reject_non_fqdn_sender",
         "504 5.5.2 <a@dude>: Sender address rejected: need fully-qualified address"),
        (None, "reject_non_fqdn_sender", ""),
        ("nobody@home.test", "reject_unlisted_sender",
         "550 5.1.0 <nobody@home.test>: Sender address rejected: User unknown"),
        ("alice@home.test", "reject_unlisted_sender", ""),
        ("nobody@mail.example", "reject_unlisted_sender", ""),
        ("alice@home.test", "reject_sender_login_mismatch",
         "553 5.7.1 <alice@home.test>: Sender address rejected: not logged in"),
        ("alice@mail.example", "reject_sender_login_mismatch", ""),
    ],
)  # fmt: skip
def test_sender(sender, check, reply):
    assert said(context(sender=sender), check) == reply


def test_sender_of_another():
    alice = context(sender="bob@home.test", submitter=account_id("alice"))
    reply = "553 5.7.1 <bob@home.test>: Sender address rejected: not owned by user alice"
    assert said(alice, "reject_authenticated_sender_login_mismatch") == reply
    own = context(sender="alice+x@home.test", submitter=account_id("alice"))
    assert said(own, "reject_sender_login_mismatch") == ""


RELAYING = "smtpd_relay_restrictions"


@pytest.mark.parametrize(
    ("recipient", "words", "reply"),
    [
        ("a@nowhere.test", "reject_unknown_recipient_domain reject",
         "450 4.1.2 <a@nowhere.test>: Recipient address rejected: Domain not found"),
        ("a@null.example", "reject_unknown_recipient_domain reject", "556 5.1.10 <a@null.example>:"
         " Recipient address rejected: Domain null.example does not accept mail (nullMX)"),
        ("alice@home.test", "reject_unknown_recipient_domain reject_unauth_destination", ""),
        ("a@dude", "reject_non_fqdn_recipient reject",
         "504 5.5.2 <a@dude>: Recipient address rejected: need fully-qualified address"),
        ("postmaster@localhost", "reject_non_fqdn_recipient reject_unauth_destination", ""),
        ("a@backed.example", "permit_mx_backup, reject_unauth_destination", ""),
        ("a@primary.example", "permit_mx_backup, reject_unauth_destination",
         "554 5.7.1 <a@primary.example>: Relay access denied"),
        ("a@mail.example", "permit_mx_backup, reject_unauth_destination",
         "554 5.7.1 <a@mail.example>: Relay access denied"),
        ("a@down.example", "permit_mx_backup, reject_unauth_destination", "450 4.4.4 "
         "<a@down.example>: Recipient address rejected: Domain not found, try again later"),
        ("a%b@backed.example", "permit_mx_backup, reject_unauth_destination",
         "554 5.7.1 <a%b@backed.example>: Relay access denied"),
        ("a@mail.example", "check_relay_domains",
         "554 5.7.1 <a@mail.example>: Relay access denied"),
    ],
)  # fmt: skip
def test_recipient(recipient, words, reply):
    assert said(context(recipient=recipient), words, where=RELAYING) == reply


def test_mx_backup_within_networks_alone():
    around = facilities(permit_mx_backup_networks=("203.0.113.0/24",))
    about = context(recipient="a@backed.example", around=around)
    denied = "554 5.7.1 <a@backed.example>: Relay access denied"
    assert said(about, "permit_mx_backup", "reject_unauth_destination", where=RELAYING) == denied
    around = facilities(permit_mx_backup_networks=("198.51.100.0/24", "2001:db8::/32"))
    about = context(recipient="a@backed.example", around=around)
    assert said(about, "permit_mx_backup", "reject_unauth_destination", where=RELAYING) == ""


def test_a_refusal_is_worded_by_its_list():
    about = context(helo="spammer.org", sender="x@y.example")
    words = {
        "smtpd_client_restrictions": "<unknown[198.51.100.1]>: Client host",
        "smtpd_helo_restrictions": "<spammer.org>: Helo command",
        "smtpd_sender_restrictions": "<x@y.example>: Sender address",
        "smtpd_recipient_restrictions": "<alice@home.test>: Recipient address",
    }
    for where, subject in words.items():
        reply = f"554 5.7.1 {subject} rejected: Access denied"
        assert said(about, "reject", where=where) == reply


def test_dns_trouble_does_not_hide_a_rejection():
    about = context(sender="a@down.example")
    assert said(about, "reject_unknown_sender_domain", "reject").startswith("554 5.7.1")


def test_defer_if():
    about = context()
    assert said(about, "defer_if_permit").startswith("450 4.7.1")
    assert said(about, "defer_if_permit", "permit").startswith("450 4.7.1")
    assert said(about, "defer_if_permit", "reject").startswith("554 5.7.1")
    assert said(about, "defer_if_reject", "reject").startswith("450 4.7.1")
    assert said(about, "defer_if_reject") == ""


def test_warn_if_reject(caplog):
    about = context(helo="dude")
    assert said(about, "warn_if_reject reject_non_fqdn_helo_hostname") == ""
    assert "reject_warning: check=" in caplog.text
    assert "need fully-qualified hostname" in caplog.text
    assert said(about, "warn_if_reject", "reject", "reject").startswith("554")


def test_a_warning_protects_nobody():
    settings = SmtpSettings(
        smtpd_relay_restrictions=("warn_if_reject reject_unauth_destination",),
    )
    with pytest.raises(ConfigError, match="anybody"):
        Restrictions(settings, ())


def test_pipelining():
    ahead = context(talks_ahead=True)
    reply = "<alice@home.test>: Recipient address rejected: Improper use of SMTP command pipelining"
    assert said(ahead, "reject_unauth_pipelining") == f"503 5.5.0 {reply}"
    assert said(context(), "reject_unauth_pipelining") == ""


def test_multi_recipient_bounce():
    about = context(sender=None, recipient_count=2)
    assert said(about, "reject_multi_recipient_bounce").startswith("550 5.5.3 ")
    assert said(context(recipient_count=2), "reject_multi_recipient_bounce") == ""


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        (["reject_rbl_client"], "reject_rbl_client needs a list"),
        (["check_client_access", "reject"], "check_client_access needs a table"),
        (["check_client_access nosuch:/x"], 'unknown type of table "nosuch"'),
        (["reject_rbl_client zone=127.0.0"], "a filter such as"),
        (["check_policy_service tcp:x"], 'expected "unix:path" or'),
    ],
)
def test_wrong_arguments_are_told_with_the_setting(words, trouble):
    settings = SmtpSettings(smtpd_client_restrictions=tuple(words))
    with pytest.raises(ConfigError, match=f"smtpd_client_restrictions: .*{trouble}"):
        Restrictions(settings, ())
