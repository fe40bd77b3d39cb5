# SPDX-License-Identifier: MIT
"""The scripts of the house and of the owner, and what the owner hears of his mistakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from homemail.mda.script import HouseScripts, ScriptFile
from homemail.model.delivery import Delivered
from homemail.model.mailbox import Flag
from homemail.sieve import Limits
from tests.mda.conftest import House

WRONG = 'keep;\nfileintoo "x";\n'
FAILS = 'require "variables"; set "a" "x"; redirect "${a}";'


def scripts(directory: Path, before: str = "", after: str = "") -> HouseScripts:
    made = {}
    for name, text in (("before", before), ("after", after)):
        path = directory / f"{name}.sieve"
        path.write_text(text)
        made[name] = (ScriptFile(path, Limits()),) if text else ()
    return HouseScripts(**made)


def house_with(tmp_path: Path, before: str = "", own: str = "", after: str = "") -> House:
    (tmp_path / "home").mkdir()
    house = House(tmp_path / "home", scripts=scripts(tmp_path, before, after))
    if own:
        house.write(".homemail.sieve", own)
    return house


def test_each_script_hands_on_what_it_keeps(tmp_path: Path) -> None:
    house = house_with(
        tmp_path,
        before='redirect :copy "arch@x.org";',
        own='if header "subject" "hi" { redirect :copy "own@x.org"; }',
        after='redirect "after@x.org"; redirect :copy "arch@x.org";',
    )
    for name in (".homemail.sieve", "../before.sieve", "../after.sieve"):
        path = house.home / name
        path.write_text('require "copy"; ' + path.read_text())
    assert isinstance(house.run(), Delivered)
    assert house.queue.recipients() == ["arch@x.org", "own@x.org", "after@x.org"]
    assert house.filed() == []


def test_a_script_of_the_house_can_end_it(tmp_path: Path) -> None:
    house = house_with(tmp_path, before="discard;", own='redirect "own@x.org";')
    assert house.run() == Delivered("discarded")
    assert house.queue.sent == []


def test_own_script_ends_it_for_those_after(tmp_path: Path) -> None:
    house = house_with(tmp_path, own="discard;", after='redirect "own@x.org";')
    assert house.run() == Delivered("discarded")
    assert house.queue.sent == []


def test_flags_of_an_earlier_keep_stay(tmp_path: Path) -> None:
    house = house_with(tmp_path, own='require "imap4flags"; addflag "\\\\Flagged"; keep;')
    house.scripts = scripts(tmp_path, after="if false { stop; } keep;")
    house.rebuild()
    house.run()
    assert house.flags() == [{Flag("\\Flagged")}]


def test_wrong_script_of_the_house_is_passed_over(tmp_path: Path) -> None:
    house = house_with(tmp_path, before=WRONG, own='redirect "own@x.org";')
    assert isinstance(house.run(), Delivered)
    assert house.queue.recipients() == ["own@x.org"]
    assert house.filed() == []


def test_owner_hears_once_of_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    house = house_with(tmp_path, own=WRONG)
    house.run()
    house.rebuild()
    house.now += timedelta(days=2)
    house.run()
    notes = [mail for mail in house.filed() if b"Your mail filter has mistakes" in mail]
    assert len(house.filed()) == 3
    assert len(notes) == 1
    assert b'line 2, column 1: unknown command "fileintoo"' in notes[0]
    assert b"Auto-Submitted: auto-generated" in notes[0]
    house.write(".homemail.sieve", "other mistake;")
    house.run()
    assert sum(b"has mistakes" in mail for mail in house.filed()) == 2


def test_owner_hears_once_a_day_of_a_script_that_fails(tmp_path: Path) -> None:
    house = house_with(tmp_path, own=FAILS)
    for hours in (0, 1, 24):
        house.now += timedelta(hours=hours)
        assert isinstance(house.run(), Delivered)
    assert len(house.filed()) == 3 + 2
    note = next(mail for mail in house.filed() if b"Your mail filter failed" in mail)
    assert b"line 1, column" in note
