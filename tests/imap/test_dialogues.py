# SPDX-License-Identifier: MIT
"""The dialogues in ``*.transcript``, each over a fresh house with two messages for alice.

They are blind to the mailbox format: each runs over the memory twin and over Maildir.
"""

from __future__ import annotations

import pytest

from tests.imap.conftest import HELLO, MULTIPART, House
from tests.transcript import run_transcript, transcripts


@pytest.fixture(params=["memory", "maildir"])
def house(request, loop_thread, tmp_path):
    home = tmp_path if request.param == "maildir" else None
    for name in ("alice", "bob") if home else ():
        (tmp_path / name).mkdir(mode=0o700)
    house = House(loop_thread, home=home)
    yield house
    house.stop()


@pytest.mark.parametrize("path", transcripts("imap"), ids=lambda path: path.stem)
def test_dialogue(path, house):
    house.deliver("alice", HELLO, MULTIPART)
    events = {"delivered": lambda: house.deliver("alice", HELLO)}
    variables = {"inbox": str(house.validity("alice"))}
    run_transcript(path, house.connect, "imap", events=events, variables=variables)
