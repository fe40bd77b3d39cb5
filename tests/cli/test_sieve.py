# SPDX-License-Identifier: MIT
"""``homemail sieve``: check, run, trace, from-procmail."""

from __future__ import annotations

import pytest

LETTER = "From: a@x.org\nTo: alice@home.test\nSubject: hello\n\nHi\n"
SCRIPT = """\
require ["fileinto", "copy", "include", "vacation", "editheader"];
fileinto :copy "all";
include "friends";
if header :contains "subject" "hello" {
    addheader "X-A" "b";
    redirect "b@x.org";
}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "letter.eml").write_text(LETTER)
    (tmp_path / "filter.sieve").write_text(SCRIPT)
    (tmp_path / "friends.sieve").write_text('if address "from" "c@x.org" { stop; }')
    box = tmp_path / "Maildir"
    for name in ("cur", "new", "tmp"):
        (box / name).mkdir(parents=True)
    (box / "cur" / "1:2,S").write_text(LETTER)
    (box / "new" / "2").write_text(LETTER.replace("hello", "bye").replace("a@", "c@"))
    (tmp_path / "mbox").write_text(f"From x  Sat Nov 21 12:00:00 2026\n{LETTER}\n" * 2)
    return tmp_path


def test_check(homemail, files):
    assert homemail("sieve", "check", files / "filter.sieve").status == 0
    bad = files / "bad.sieve"
    bad.write_text('keep;\nfileintoo "x";\n')
    result = homemail("sieve", "check", bad)
    assert (result.status, result.out) == (1, f'{bad}:2:1: unknown command "fileintoo"\n')
    assert homemail("sieve", "check", files / "none").status != 0


def test_run_on_one_message(homemail, files):
    letter = files / "letter.eml"
    result = homemail("sieve", "run", files / "filter.sieve", "--message", letter)
    assert result.status == 0
    assert result.out.splitlines() == [
        f'{letter}\t2\tfileinto "all" (copy)',
        f'{letter}\t6\tredirect "b@x.org" (edited header)',
    ]


def test_run_on_a_mailbox(homemail, files):
    script = files / "filter.sieve"
    result = homemail("sieve", "run", script, "--mailbox", files / "Maildir")
    assert result.out.splitlines() == [
        '1:2,S\t2\tfileinto "all" (copy)',
        '1:2,S\t6\tredirect "b@x.org" (edited header)',
        '2\t2\tfileinto "all" (copy)',
        "2\t-\tkeep",
    ]
    assert len(homemail("sieve", "run", script, "--mailbox", files / "mbox").out.splitlines()) == 4
    assert homemail("sieve", "run", script, "--mailbox", files / "none").status != 0
    assert homemail("sieve", "run", script).status != 0


def test_run_tells_of_errors(homemail, files):
    script = files / "fails.sieve"
    script.write_text('require "variables";\nset "a" "x";\nredirect "${a}";\n')
    result = homemail("sieve", "run", script, "--message", files / "letter.eml")
    assert result.status == 1
    assert '\t3\terror: "x" is not an address' in result.out


def test_envelope(homemail, files):
    script = files / "env.sieve"
    script.write_text(
        'require ["envelope", "reject"];'
        'if envelope "from" "" { reject "null"; }'
        'if envelope "to" "bob@x.org" { discard; }'
    )
    run = ("sieve", "run", script, "--message", files / "letter.eml")
    assert homemail(*run, "--from", "<>").out.endswith('\treject "null"\n')
    assert homemail(*run, "--to", "bob@x.org").out.endswith("\tdiscard\n")
    assert homemail(*run).out.endswith("\tkeep\n")
    assert homemail(*run, "--to", "no address").status != 0


def test_trace(homemail, files):
    result = homemail("sieve", "trace", files / "filter.sieve", "--message", files / "letter.eml")
    assert result.out.splitlines() == [
        "2:1\tfileinto\t",
        "3:1\tinclude\t",
        "friends:1:4\taddress\tfalse",
        "4:4\theader\ttrue",
        "5:5\taddheader\t",
        "6:5\tredirect\t",
        "",
        '2: fileinto "all" (copy)',
        '6: redirect "b@x.org" (edited header)',
    ]


def test_from_procmail(homemail, files):
    recipes = files / "procmailrc"
    recipes.write_text(":0\n* ^Subject.*x\nbox\n:0 fw\n| spamc\n")
    result = homemail("sieve", "from-procmail", recipes)
    assert result.status == 1
    assert 'if header :contains "subject" "x" {' in result.out
    assert result.err == f"{recipes}:4: not turned: it runs a program\n"
