# SPDX-License-Identifier: MIT
"""The dialogues of SMTP, submission and LMTP through the real shell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homemail.errors import StorageFull, TableUnavailable
from homemail.model.delivery import Deferred, NeedsQueue, Rejected
from homemail.model.reply import Reply
from homemail.mta.transaction import Service
from tests.mta.smtp_server import SETTINGS, House, Listening
from tests.transcript import SocketConnection, run_transcript, transcripts

SERVICES = {"smtp": Service.SMTP, "submission": Service.SUBMISSION, "lmtp": Service.LMTP}


@pytest.fixture
def plain(tmp_path, loop_thread, tls_context):
    """A house where limits are small enough to be reached in a dialogue."""
    settings = replace(
        SETTINGS,
        message_size_limit=100_000,
        smtpd_recipient_limit=3,
        smtpd_hard_error_limit=13,
        smtpd_junk_command_limit=5,
    )
    house = House(tmp_path, settings, ssl_context=tls_context)
    listening = Listening(loop_thread, house)
    yield listening
    listening.close()


@pytest.mark.parametrize("path", transcripts("mta/smtp"), ids=lambda path: path.stem)
def test_dialogue(path, plain):
    house = plain.house
    ports: dict[str, int] = {}

    def connect(service: str) -> SocketConnection:
        if service not in ports:
            ports[service] = plain.listen(SERVICES[service])
        return SocketConnection("127.0.0.1", ports[service])

    def answer(account: str, result: object) -> None:
        house.deliver.answers[account] = result

    def set_queue_failure(failure: Exception | None) -> None:
        house.queue.failure = failure

    def set_accounts_failure(failure: Exception | None) -> None:
        house.accounts.failure = failure

    events = {
        "alice is over quota": lambda: answer("alice", Rejected(Reply(552, "5.2.2", "Over quota"))),
        "alice is locked": lambda: answer("alice", Deferred(Reply(451, "4.3.0", "Locked"))),
        "alice needs the queue": lambda: answer("alice", NeedsQueue()),
        "alice's delivery crashes": lambda: answer("alice", RuntimeError("secret text")),
        "the queue is full": lambda: set_queue_failure(StorageFull("Insufficient storage")),
        "the queue crashes": lambda: set_queue_failure(RuntimeError("secret text")),
        "the queue is well": lambda: set_queue_failure(None),
        "the accounts cannot be asked": lambda: set_accounts_failure(TableUnavailable("x")),
        "the accounts crash": lambda: set_accounts_failure(RuntimeError("secret text")),
        "nothing is filed": lambda: _check(not house.deliver.filed, house.deliver.filed),
        "nothing is queued": lambda: _check(not house.queue.kept, house.queue.kept),
        "one message is filed": lambda: _check(len(house.messages) == 1, house.messages),
        "two messages are filed": lambda: _check(len(house.messages) == 2, house.messages),
        "the last message is cd": lambda: _check(
            house.messages[-1].endswith(b"+0000\r\n\r\ncd\r\n"), house.messages[-1]
        ),
        "the last message is base64": lambda: _check(
            house.messages[-1].endswith(b"Encoding: base64\r\n\r\nAAoN/w0K\r\n"),
            house.messages[-1],
        ),
        "one message is queued": lambda: _check(len(house.queue.kept) == 1, house.queue.kept),
    }
    run_transcript(path, connect, "smtp", events=events)


def _check(holds: bool, got: object) -> None:
    assert holds, got
