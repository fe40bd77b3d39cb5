# SPDX-License-Identifier: MIT
"""Real clients talk to the server."""

from __future__ import annotations

import smtplib

from homemail.mta.transaction import Service


def test_smtplib_sends(listening, house):
    port = listening.listen(Service.SMTP)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail(
            "x@example.org", ["alice@home.test"], "Subject: hello\r\n\r\n.dot\r\nbye\r\n"
        )
    (message,) = house.messages
    assert message.endswith(b"Subject: hello\r\n\r\n.dot\r\nbye\r\n")
    assert message.startswith(b"Received: from ")
