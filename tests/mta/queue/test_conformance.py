# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from homemail.mta.queue.spooled import memory_queue, open_queue
from tests.mta.queue.conformance import QueueConformance


class TestDiskQueue(QueueConformance):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path):
        self.directory = tmp_path / "queue"

    async def opened(self):
        return await open_queue(self.directory)


@pytest.mark.usefixtures("a_file_each")
class TestDiskQueueOfFiles(TestDiskQueue):
    pass


class TestMemoryQueue(QueueConformance):
    async def opened(self):
        return memory_queue()
