# SPDX-License-Identifier: MIT
"""Access tables: which keys are looked up, and what each value does."""

from __future__ import annotations

import pytest

from homemail.model.address import Address, account_id
from homemail.mta.api import Hold
from homemail.mta.effect import Bcc, Discard, Filter, Prepend, Redirect
from tests.mta.policy.world import context, rule, said


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and returns its name."""

    def write(*lines: str, kind: str = "hash") -> str:
        file = tmp_path / "access"
        file.write_text("\n".join(lines) + "\n")
        return f"{kind}:{file}"

    return write


@pytest.mark.parametrize(
    ("check", "key", "subject"),
    [
        ("check_client_access", "host.example", "<host.example[198.51.100.6]>: Client host"),
        ("check_client_access", "example", "<host.example[198.51.100.6]>: Client host"),
        ("check_client_access", ".example", "<host.example[198.51.100.6]>: Client host"),
        ("check_client_access", "198.51.100.6", "<host.example[198.51.100.6]>: Client host"),
        ("check_client_access", "198.51", "<host.example[198.51.100.6]>: Client host"),
        ("check_client_access", "198.51.", "<host.example[198.51.100.6]>: Client host"),
        ("check_reverse_client_hostname_access", "host.example",
         "<host.example[198.51.100.6]>: Client host"),
        ("check_helo_access", "client.example", "<client.example>: Helo command"),
        ("check_helo_access", "example", "<client.example>: Helo command"),
        ("check_sender_access", "a+x@mail.example", "<A+x@mail.example>: Sender address"),
        ("check_sender_access", "a@mail.example", "<A+x@mail.example>: Sender address"),
        ("check_sender_access", "mail.example", "<A+x@mail.example>: Sender address"),
        ("check_sender_access", "example", "<A+x@mail.example>: Sender address"),
        ("check_sender_access", "a@", "<A+x@mail.example>: Sender address"),
        ("check_recipient_access", "alice@", "<alice@home.test>: Recipient address"),
        ("check_recipient_access", "home.test", "<alice@home.test>: Recipient address"),
        ("check_sender_mx_access", "198.51.100.5", "<A+x@mail.example>: Sender address"),
        ("check_sender_mx_access", "mx.mail.example", "<A+x@mail.example>: Sender address"),
    ],
)  # fmt: skip
def test_keys(check, key, subject, table):
    about = context("198.51.100.6", sender="A+x@mail.example")
    reply = f"554 5.7.1 {subject} rejected: Access denied"
    assert said(about, check, table(f"{key} REJECT")) == reply
    assert said(about, check, table("other.example REJECT")) == ""


def test_the_most_special_key_decides(table):
    known = table("friend@bad.example OK", "bad.example REJECT")
    assert said(context(sender="friend@bad.example"), "check_sender_access", known, "reject") == ""
    assert said(context(sender="x@bad.example"), "check_sender_access", known) != ""


def test_null_sender_and_account(table):
    reply = said(context(sender=None), "check_sender_access", table("<> 550 no bounces"))
    assert reply == "550 5.7.1 <>: Sender address rejected: no bounces"
    mine = context(submitter=account_id("alice"))
    assert said(mine, "check_sasl_access", table("alice REJECT too much")).endswith("too much")


def test_networks_and_patterns_see_the_whole_key(table):
    nets = table("198.51.100.0/24 REJECT in this net", kind="cidr")
    assert said(context(), "check_client_access", nets).endswith("in this net")
    patterns = table("/^a@mail\\.example$/ REJECT", "/./ OK", kind="regexp")
    assert said(context(), "check_sender_access", patterns).startswith("554")
    assert said(context(sender="b@mail.example"), "check_sender_access", patterns, "reject") == ""


SENDER = "<a@mail.example>: Sender address rejected:"


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        ("OK", ""),
        ("ok", ""),
        ("permit", ""),
        ("PERMIT", ""),
        ("12345", ""),
        ("REJECT", f"554 5.7.1 {SENDER} Access denied"),
        ("reject go away", f"554 5.7.1 {SENDER} go away"),
        ("550 Take that, spammer!", f"550 5.7.1 {SENDER} Take that, spammer!"),
        ("450 4.2.9 later", f"450 4.2.9 {SENDER} later"),
        ("421 4.7.0 goodbye", "421 4.7.0 goodbye"),
        ("REJECT 5.7.9 go away", f"554 5.7.9 {SENDER} go away"),
        ("DEFER", f"450 4.7.1 {SENDER} Access denied"),
        ("DEFER_IF_PERMIT busy", "554 5.7.1 <alice@home.test>: Recipient address rejected: "
         "Access denied"),
        ("DEFER_IF_REJECT busy", f"450 4.7.1 {SENDER} busy"),
        ("DUNNO", "554 5.7.1 <alice@home.test>: Recipient address rejected: Access denied"),
        ("WARN look", "554 5.7.1 <alice@home.test>: Recipient address rejected: Access denied"),
        ("reject_unknown_helo_hostname", "450 4.7.1 <client.example>: Helo command rejected: "
         "Host not found"),
        ("no_such_check", f"451 4.3.5 {SENDER} Server configuration error"),
        ("PREPEND nonsense", f"451 4.3.5 {SENDER} Server configuration error"),
        ("REDIRECT nonsense", f"451 4.3.5 {SENDER} Server configuration error"),
    ],
)  # fmt: skip
def test_values(value, reply, table):
    words = ("check_sender_access", table(f"mail.example {value}"), "reject")
    assert said(context(), *words) == reply


@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ("HOLD look first", Hold("look first")),
        ("DISCARD junk", Discard("junk")),
        ("PREPEND X-Seen: yes", Prepend("X-Seen: yes")),
        ("REDIRECT bob@home.test", Redirect(Address.parse("bob@home.test"))),
        ("BCC bob@home.test", Bcc(Address.parse("bob@home.test"))),
        ("FILTER smtp:[127.0.0.1]:10025", Filter("smtp:[127.0.0.1]:10025")),
    ],
)
def test_effects(value, effect, table):
    ruling = rule(context(), "check_sender_access", table(f"mail.example {value}"))
    assert (ruling.refusal, ruling.effects) == (None, (effect,))


def test_what_cannot_be_asked_defers():
    words = ("check_sender_access", "hash:/nonexistent/access")
    reply = "451 4.3.0 <alice@home.test>: Recipient address rejected: Temporary lookup failure"
    assert said(context(), *words) == reply


def test_lists_that_call_one_another_end(table):
    name = table("nothing yet")
    table(f"mail.example check_sender_access,{name}")
    reply = said(context(), "check_sender_access", name)
    assert reply.startswith("451 4.3.5")


def test_a_permission_that_can_be_forged_is_warned_about(table, caplog):
    words = ("check_helo_access", table("x OK"), "reject_unauth_destination")
    said(context(), *words, where="smtpd_relay_restrictions")
    assert "lets others relay: check=" in caplog.text
