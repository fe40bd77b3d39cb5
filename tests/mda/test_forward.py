# SPDX-License-Identifier: MIT
"""The grammar of ``.forward``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homemail.mda.forward import (
    MOST_TARGETS,
    Include,
    Target,
    ToAddress,
    ToCommand,
    ToFile,
    Unreadable,
    parse_forward,
)
from homemail.model.address import Address


def to(text: str) -> ToAddress:
    return ToAddress(Address.parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nobody\n\n   # nobody either\n", []),
        ("rich\nkatie@x.org\n", [to("rich@home.test"), to("katie@x.org")]),
        ("a@x.org, b@x.org,\r\nc", [to("a@x.org"), to("b@x.org"), to("c@home.test")]),
        ("\\alice, bob", [to("alice@home.test"), to("bob@home.test")]),
        ('"|/bin/prog -a, b"', [ToCommand("/bin/prog -a, b")]),
        ('"|/bin/prog \\"a b\\""', [ToCommand('/bin/prog "a b"')]),
        ("| /bin/prog -x , bob", [ToCommand("/bin/prog -x"), to("bob@home.test")]),
        ('|prog "a, b" c', [ToCommand('prog "a, b" c')]),
        ('|"/bin/prog -a, b", bob', [ToCommand("/bin/prog -a, b"), to("bob@home.test")]),
        ('"|\\"/bin/my prog\\""', [ToCommand('"/bin/my prog"')]),
        ("/var/mail/x, ~/Mail/", [ToFile("/var/mail/x"), ToFile("~/Mail/")]),
        (":include:/etc/list", [Include("/etc/list")]),
        ('":Include: ~/list"', [Include("~/list")]),
        ('"Smith, J" <j@x.org>', [to("j@x.org")]),
        ('"odd local"@x.org', [to('"odd local"@x.org')]),
        ("j@x.org (Smith, John)", [to("j@x.org")]),
        ("Jörg <jörg@x.org>", [to("jörg@x.org")]),
        ("/G=a/S=b/@x.org", [to("/G=a/S=b/@x.org")]),
    ],
)
def test_targets(text: str, expected: list[Target]) -> None:
    assert parse_forward(text, "home.test") == tuple(expected)


@pytest.mark.parametrize("text", ["a@-x-", "|", "| ", "<>", "a\0b", "a@x..y"])
def test_what_means_nothing_is_said_so(text: str) -> None:
    found = parse_forward(f"ok@x.org\n{text}", "home.test")
    assert found[0] == to("ok@x.org")
    assert all(isinstance(target, Unreadable) and target.line == 2 for target in found[1:])
    assert len(found) == 2


def test_number_of_targets_is_limited() -> None:
    found = parse_forward("a@x.org," * (2 * MOST_TARGETS), "home.test")
    assert len(found) == MOST_TARGETS + 1
    assert isinstance(found[-1], Unreadable)


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from('|/:"\\,()<>@ \nab.#~\0\udcff'), max_size=30))
def test_never_raises(text: str) -> None:
    parse_forward(text, "home.test")
