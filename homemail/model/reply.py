# SPDX-License-Identifier: MIT
"""Replies of SMTP: code, enhanced status (RFC 3463), text."""

from __future__ import annotations

from dataclasses import dataclass

from homemail.errors import MailError, Permanent


@dataclass(frozen=True, slots=True)
class Reply:
    r"""``code`` and ``text`` (lines parted by ``\n``) with the status of RFC 3463, or ``""``.

    RFC 5321 §4.2, RFC 2034 §4.
    """

    code: int
    status: str
    text: str

    @property
    def temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    def __str__(self) -> str:
        words = " ".join(self.text.split("\n"))
        return f"{self.code} {self.status} {words}" if self.status else f"{self.code} {words}"


def reply_for(error: MailError, *, temporary: int = 451, permanent: int = 554) -> Reply:
    """Return the reply that tells a client of ``error``."""
    code = permanent if isinstance(error, Permanent) else temporary
    if error.status in ("5.1.1", "5.1.3", "5.2.1"):
        code = 550
    elif error.status in ("5.2.2", "5.3.4"):
        code = 552
    elif error.status in ("4.3.1", "4.2.2"):
        code = 452
    return Reply(code, error.status, error.text)
