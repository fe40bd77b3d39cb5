# SPDX-License-Identifier: MIT
"""``homemail table`` and ``homemail explain``, and what ``homemail check`` says of tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homemail.cli import main


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A settings file with tables beside it."""
    (tmp_path / "aliases").write_text(
        "root: alice\nclub: alice, bob@away.example\nowner-club: bob\na: b\nb: a\nmany: :include:"
        f"{tmp_path}/list\n"
    )
    (tmp_path / "list").write_text("alice\nann@away.example\n")
    (tmp_path / "virtual").write_text("shop.example virtual\nsales@shop.example root\n")
    (tmp_path / "transport").write_text("back.example smtp:[10.0.0.1]\n")
    (tmp_path / "relocated").write_text("gone gone@new.example. Please tell others.\n")
    (tmp_path / "users").write_text("alice:{PLAIN}x::::::\nbob:{PLAIN}x::::::\n")
    (tmp_path / "users").chmod(0o600)
    for name in ("aliases", "list", "virtual", "transport", "relocated"):
        (tmp_path / name).chmod(0o644)
    settings = tmp_path / "homemail.toml"
    settings.write_text(
        'myhostname = "mail.home.test"\nmydestination = ["home.test"]\n'
        'users_file = "users"\nhome_base = "home"\n'
        'alias_maps = ["hash:aliases"]\nvirtual_alias_maps = ["hash:virtual"]\n'
        'transport_maps = ["hash:transport"]\nrelay_domains = ["back.example"]\n'
        'relocated_maps = ["hash:relocated"]\nnameservers = ["127.0.0.1:9"]\n'
    )
    return settings


def run(capsys, *words: str | Path) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_query(house, capsys):
    assert run(capsys, "table", "query", "ROOT", "alias_maps", "--config", house)[:2] == (
        0,
        "alice\n",
    )
    where = run(capsys, "table", "query", "root", "alias_maps", "--where", "--config", house)
    assert where[1] == f"{house.parent}/aliases:1: alice\n"
    assert run(capsys, "table", "query", "none", "alias_maps", "--config", house)[:2] == (1, "")
    table = f"hash:{house.parent}/virtual"
    assert run(capsys, "table", "query", "sales@shop.example", table)[1] == "root\n"
    assert run(capsys, "table", "query", "root", f"{house.parent}/aliases", "--aliases")[0] == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("query", "x", "alias_map"), '"alias_map" is no setting that names tables'),
        (("query", "x", "hsh:/x"), 'hsh:/x: unknown type of table "hsh"; did you mean "hash:"?'),
        (("query", "x", "hash:/nothing/here"), "hash:/nothing/here cannot be asked: [Errno 2]"),
    ],
)
def test_wrong_queries(house, capsys, words, expected):
    status, out, err = run(capsys, "table", *words, "--config", house)
    assert (status, out) == (1, "")
    assert expected in err


def test_check(house, capsys):
    status, out, _ = run(capsys, "table", "check", "--config", house)
    assert status == 0
    assert out.count("all is well") == 4
    (house.parent / "aliases").write_text("root: alice\n bob: carol\nno colon here\n")
    status, out, _ = run(capsys, "table", "check", "alias_maps", "--config", house)
    assert status == 1
    assert out.splitlines() == [
        f'warning: {house.parent}/aliases:2: "bob:" is indented, so it goes on with the entry in '
        "line 1; an entry of its own begins at the start of the line",
        f'error: {house.parent}/aliases:3: expected "name: value", got "no colon here"',
    ]
    (house.parent / "virtual").unlink()
    status, out, _ = run(capsys, "check", "--config", house)
    assert f"error: {house.parent}/aliases:3: expected" in out
    assert "virtual: cannot be read: No such file or directory" in out


def explain(capsys, house, *words: str) -> list[str]:
    status, out, err = run(capsys, "explain", *words, "--config", house)
    assert status == 0, err
    return out.replace(f"{house.parent}/", "").splitlines()


def test_explain_every_step(house, capsys):
    assert explain(capsys, house, "Sales@Shop.Example", "--from", "ann@away.example") == [
        "from <ann@away.example> by 192.0.2.1",
        "to   <Sales@shop.example>",
        "",
        "  virtual_alias_domains: shop.example -> a domain of aliases  [virtual:1]",
        "  virtual_alias_maps: Sales@shop.example -> root  [virtual:2]",
        "  alias_maps: root@home.test -> alice  [aliases:1]",
        "  mydestination: home.test -> a domain of ours",
        "  accounts: alice@home.test -> the account alice",
        "  RCPT: 250 2.1.5 Ok",
        "",
        "alice@home.test: the mailbox of alice, home/alice",
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("root", "alice@home.test: the mailbox of alice, home/alice"),
        ("x@back.example", "x@back.example: to the next hop smtp:[10.0.0.1]:25"),
        ("alice+x@home.test", "alice+x@home.test: the mailbox of alice, home/alice, extension x"),
        (
            "a@home.test",
            "  RCPT: 554 5.4.6 <a@home.test>: mail forwarding loop: its aliases lead to itself"
            "  [reject_unlisted_recipient]",
        ),
        (
            "gone@home.test",
            "  RCPT: 550 5.1.6 <gone@home.test>: Recipient address rejected: User has moved to "
            "gone@new.example. Please tell others.  [reject_unlisted_recipient]",
        ),
        (
            "x@elsewhere.example",
            "  RCPT: 554 5.7.1 <x@elsewhere.example>: Relay access denied"
            "  [reject_unauth_destination]",
        ),
        ("club@home.test", "bob@away.example: to the next hop smtp:away.example:25"),
        ("many@home.test", "ann@away.example: to the next hop smtp:away.example:25"),
    ],
)
def test_explain_ends(house, capsys, address, expected):
    assert explain(capsys, house, address, "--from", "ann@away.example")[-1] == expected


def test_explain_in_json(house, capsys):
    status, out, _ = run(capsys, "explain", "root", "--json", "--config", house)
    facts = json.loads(out)
    assert status == 0
    assert facts["verdict"] == "250 2.1.5 Ok"
    assert facts["outcomes"][0]["recipient"] == "alice@home.test"
    assert facts["steps"][-2] == {
        "what": "alias_maps",
        "before": "root@home.test",
        "after": "alice",
        "where": f"{house.parent}/aliases:1",
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("a b@c",), "a b@c: not a local part"),
        (("a", "--client", "nowhere"), '"nowhere" is no IP address'),
    ],
)
def test_wrong_words(house, capsys, words, expected):
    status, _, err = run(capsys, "explain", *words, "--config", house)
    assert status == 2
    assert expected in err


def test_types_of_tables(capsys):
    status, out, _ = run(capsys, "settings", "--tables")
    assert status == 0
    assert {"hash", "regexp", "sqlite"} < set(out.split())
