# SPDX-License-Identifier: MIT
"""The extensions that scripts may require, in the order in which they read strings."""

from __future__ import annotations

from homemail.sieve.extensions.body import BODY
from homemail.sieve.extensions.comparators import ASCII_CASEMAP, ASCII_NUMERIC, OCTET
from homemail.sieve.extensions.copying import COPY
from homemail.sieve.extensions.date import DATE
from homemail.sieve.extensions.duplicate import DUPLICATE
from homemail.sieve.extensions.editheader import EDITHEADER
from homemail.sieve.extensions.encoded_character import ENCODED_CHARACTER
from homemail.sieve.extensions.enotify import ENOTIFY
from homemail.sieve.extensions.envelope import ENVELOPE
from homemail.sieve.extensions.environment import ENVIRONMENT
from homemail.sieve.extensions.extlists import EXTLISTS
from homemail.sieve.extensions.fcc import FCC
from homemail.sieve.extensions.fileinto import FILEINTO
from homemail.sieve.extensions.ihave import IHAVE
from homemail.sieve.extensions.imap4flags import IMAP4FLAGS
from homemail.sieve.extensions.include import INCLUDE
from homemail.sieve.extensions.index import INDEX
from homemail.sieve.extensions.mailbox import MAILBOX
from homemail.sieve.extensions.mime import EXTRACTTEXT, FOREVERYPART, MIME
from homemail.sieve.extensions.redirect_dsn import REDIRECT_DSN
from homemail.sieve.extensions.regex import REGEX
from homemail.sieve.extensions.reject import EREJECT, REJECT
from homemail.sieve.extensions.relational import RELATIONAL
from homemail.sieve.extensions.spamtest import SPAMTEST, SPAMTESTPLUS, VIRUSTEST
from homemail.sieve.extensions.special_use import SPECIAL_USE
from homemail.sieve.extensions.subaddress import SUBADDRESS
from homemail.sieve.extensions.vacation import VACATION, VACATION_SECONDS
from homemail.sieve.extensions.variables import VARIABLES

EXTENSIONS = (
    ENCODED_CHARACTER,  # before variables: what it decodes may be one (RFC 5229 §3.1)
    VARIABLES,
    BODY,
    ASCII_CASEMAP,
    ASCII_NUMERIC,
    OCTET,
    COPY,
    DATE,
    DUPLICATE,
    EDITHEADER,
    ENOTIFY,
    ENVELOPE,
    ENVIRONMENT,
    EREJECT,
    EXTLISTS,
    EXTRACTTEXT,
    FCC,
    FILEINTO,
    FOREVERYPART,
    IHAVE,
    IMAP4FLAGS,
    INCLUDE,
    INDEX,
    MAILBOX,
    MIME,
    REDIRECT_DSN,
    REGEX,
    REJECT,
    RELATIONAL,
    SPAMTEST,
    SPAMTESTPLUS,
    SPECIAL_USE,
    SUBADDRESS,
    VACATION,
    VACATION_SECONDS,
    VIRUSTEST,
)
