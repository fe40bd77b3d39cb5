# SPDX-License-Identifier: MIT
"""APPENDLIMIT: how large an appended message may be (RFC 7889 §2)."""

from __future__ import annotations

from homemail.imap.extension import Extension


def append_limit_extension(octets: int) -> Extension:
    """Return the extension that announces this limit, the same for every mailbox; 0 is none."""
    if not octets:
        return Extension(
            capability=b"APPENDLIMIT", status_items={b"APPENDLIMIT": lambda counts: b"NIL"}
        )
    return Extension(
        capability=b"APPENDLIMIT=%d" % octets,
        status_items={b"APPENDLIMIT": lambda counts: b"%d" % octets},
    )
