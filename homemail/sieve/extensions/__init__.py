# SPDX-License-Identifier: MIT
"""The extensions that scripts may require, in the order in which they read strings."""

from __future__ import annotations

from homemail.sieve.extensions.comparators import ASCII_CASEMAP, OCTET
from homemail.sieve.extensions.fileinto import FILEINTO

EXTENSIONS = (OCTET, ASCII_CASEMAP, FILEINTO)
