# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from tests.pop3.house import Pop3House
from tests.transcript import SocketConnection, run_transcript, transcripts


@pytest.mark.parametrize("path", transcripts("pop3"), ids=lambda path: path.stem)
def test_dialogue(path, house: Pop3House):
    run_transcript(path, lambda service: SocketConnection("127.0.0.1", house.port), "pop3")
