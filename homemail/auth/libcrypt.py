# SPDX-License-Identifier: MIT
"""crypt(3) of the C library: it knows yescrypt, and lets other threads run meanwhile."""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache

_CRYPT_DATA_OCTETS = 256 * 1024  # struct crypt_data is 32 KB in libxcrypt, 128 KB in old glibc


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
        library.crypt_r.restype = ctypes.c_char_p
        library.crypt_r.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    return library


def crypt(password: bytes, setting: str) -> str | None:
    """Return the hash of ``password`` by ``setting`` (a hash or its salt).

    None where the library is missing or does not know this kind.
    """
    library = _library()
    if library is None or b"\0" in password or "\0" in setting:
        return None
    data = ctypes.create_string_buffer(_CRYPT_DATA_OCTETS)
    result: bytes | None = library.crypt_r(password, setting.encode(), data)
    if result is None or result.startswith(b"*"):
        return None
    return result.decode("ascii", "replace")
