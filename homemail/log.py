# SPDX-License-Identifier: MIT
"""One event per line: ``component event: key=value key=value``.

Use ``log = Log("smtpd")`` and ``log.info("accepted", trace=trace, size=size)``. Values are quoted
where they hold spaces or control characters, so that a peer cannot forge a line. Secrets are never
passed in. The lines go to the standard library's logger ``homemail.<component>``.

On its way to a file or a terminal a line gets the shape of the mail log, which people's tools know:
``Nov 21 16:30:44 homemail/smtpd[123]: line``, without the host's name: so fail2ban's own filters
for Dovecot and Postfix match the lines about logins (``auth.report``).
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import time
from pathlib import Path
from typing import TextIO

_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")


def format_value(value: object) -> str:
    """Return ``value`` as one printable token."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=True)


class Log:
    """Events of one component."""

    def __init__(self, component: str) -> None:
        self._logger = logging.getLogger(f"homemail.{component}")

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """Log ``event`` with the traceback of the exception being handled: a fault of ours."""
        self._logger.error("%s", _line(event, fields), exc_info=True)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", _line(event, fields))


def _line(event: str, fields: dict[str, object]) -> str:
    words = [f"{key}={format_value(value)}" for key, value in fields.items() if value is not None]
    return f"{event}: {' '.join(words)}" if words else event


class _MailLogLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%b %e %H:%M:%S", time.localtime(record.created))
        name = record.name.replace(".", "/", 1)
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        line = f"{when} {name}[{record.process}]: {level}{record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def log_to(target: Path | TextIO, level: int = logging.INFO) -> None:
    """Write the log to a file, which may be rotated meanwhile, or to a stream such as stderr.

    What other libraries log goes there too, from warnings on.
    """
    handler: logging.Handler
    if isinstance(target, Path):
        handler = logging.handlers.WatchedFileHandler(target, encoding="utf-8", errors="replace")
        target.chmod(0o600)
    else:
        handler = logging.StreamHandler(target)
    handler.setFormatter(_MailLogLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("homemail").setLevel(level)
