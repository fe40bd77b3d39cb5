# SPDX-License-Identifier: MIT
"""The dialogues in ``*.transcript``, each over a fresh house with two messages for alice."""

from __future__ import annotations

import pytest

from tests.imap.conftest import HELLO, MULTIPART
from tests.transcript import run_transcript, transcripts


@pytest.mark.parametrize("path", transcripts("imap"), ids=lambda path: path.stem)
def test_dialogue(path, house):
    house.deliver("alice", HELLO, MULTIPART)
    events = {"delivered": lambda: house.deliver("alice", HELLO)}
    variables = {"inbox": str(house.validity("alice"))}
    run_transcript(path, house.connect, "imap", events=events, variables=variables)
