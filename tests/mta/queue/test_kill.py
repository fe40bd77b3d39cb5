# SPDX-License-Identifier: MIT
"""A server that is killed while it takes mail keeps all that it has answered."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from homemail.model.message import read_all
from homemail.mta.queue.spooled import open_queue

TAKE_MAIL = """
import asyncio, sys
from pathlib import Path
from homemail.model.message import MemoryContent
from homemail.mta.queue.spooled import open_queue
from tests.mta.queue.samples import envelope

async def main():
    queue = await open_queue(Path(sys.argv[1]))
    async def take():
        while True:
            content = MemoryContent(b"A: b\\r\\n\\r\\n" * 999)
            queue_id = await queue.add(envelope("bob@far.test"), content)
            print(queue_id, flush=True)
    await asyncio.gather(*(take() for _ in range(8)))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("answers", [1, 7, 60])
def test_killed(tmp_path, answers):
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", TAKE_MAIL, str(tmp_path / "queue")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as server:
        answered = [server.stdout.readline().strip() for _ in range(answers)]
        server.kill()
        # The last line may have been cut by the kill.
        answered += [line.strip() for line in server.stdout if line.endswith("\n")]

    async def look():
        queue = await open_queue(tmp_path / "queue")
        entries = await queue.entries()
        for entry in entries:
            assert read_all(await queue.content(entry.id)) == b"A: b\r\n\r\n" * 999
        await queue.close()
        return {entry.id for entry in entries}

    kept = asyncio.run(look())
    assert set(answered) <= kept
    assert len(kept) <= len(answered) + 8
    assert list((tmp_path / "queue" / "corrupt").iterdir()) == []
