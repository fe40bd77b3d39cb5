# SPDX-License-Identifier: MIT
"""The extensions of IMAP, a file for each; announced in this order."""

from __future__ import annotations

from homemail.imap.commands.simple import ID
from homemail.imap.extension import Extension
from homemail.imap.extensions.announced import CHILDREN, LITERAL_PLUS, SASL_IR, SPECIAL_USE
from homemail.imap.extensions.binary import BINARY
from homemail.imap.extensions.compress import COMPRESS
from homemail.imap.extensions.condstore import CONDSTORE
from homemail.imap.extensions.create_special_use import CREATE_SPECIAL_USE
from homemail.imap.extensions.enable import ENABLE
from homemail.imap.extensions.esearch import ESEARCH
from homemail.imap.extensions.idle import IDLE
from homemail.imap.extensions.imap4rev2 import IMAP4REV2
from homemail.imap.extensions.list_extended import LIST_EXTENDED, LIST_STATUS
from homemail.imap.extensions.move import MOVE
from homemail.imap.extensions.multiappend import MULTIAPPEND
from homemail.imap.extensions.namespace import NAMESPACE
from homemail.imap.extensions.objectid import OBJECTID
from homemail.imap.extensions.preview import PREVIEW
from homemail.imap.extensions.qresync import QRESYNC
from homemail.imap.extensions.quota import QUOTA
from homemail.imap.extensions.replace import REPLACE
from homemail.imap.extensions.savedate import SAVEDATE
from homemail.imap.extensions.searchres import SEARCHRES
from homemail.imap.extensions.sort import SORT
from homemail.imap.extensions.sort_display import SORT_DISPLAY
from homemail.imap.extensions.status_size import STATUS_SIZE
from homemail.imap.extensions.thread import THREAD
from homemail.imap.extensions.uidplus import UIDPLUS
from homemail.imap.extensions.unauthenticate import UNAUTHENTICATE
from homemail.imap.extensions.unselect import UNSELECT
from homemail.imap.extensions.utf8 import UTF8_ACCEPT
from homemail.imap.extensions.within import WITHIN

EXTENSIONS: tuple[Extension, ...] = (
    IMAP4REV2,
    LITERAL_PLUS,
    SASL_IR,
    ID,
    ENABLE,
    IDLE,
    UIDPLUS,
    NAMESPACE,
    MOVE,
    UNSELECT,
    CHILDREN,
    SPECIAL_USE,
    CREATE_SPECIAL_USE,
    ESEARCH,
    SEARCHRES,
    CONDSTORE,
    QRESYNC,
    LIST_EXTENDED,
    LIST_STATUS,
    OBJECTID,
    STATUS_SIZE,
    MULTIAPPEND,
    WITHIN,
    SAVEDATE,
    QUOTA,
    SORT,
    SORT_DISPLAY,
    THREAD,
    BINARY,
    COMPRESS,
    UTF8_ACCEPT,
    PREVIEW,
    UNAUTHENTICATE,
    REPLACE,
)
