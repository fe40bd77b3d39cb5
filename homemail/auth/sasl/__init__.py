# SPDX-License-Identifier: MIT
"""SASL mechanisms, one file each, as dialogues without IO (see ``dialogue``)."""

from __future__ import annotations

from homemail.auth.sasl.bearer import OAUTHBEARER, XOAUTH2
from homemail.auth.sasl.cram_md5 import CRAM_MD5
from homemail.auth.sasl.dialogue import Mechanism
from homemail.auth.sasl.external import EXTERNAL
from homemail.auth.sasl.login import LOGIN
from homemail.auth.sasl.plain import PLAIN
from homemail.auth.sasl.scram import (
    SCRAM_SHA_1,
    SCRAM_SHA_1_PLUS,
    SCRAM_SHA_256,
    SCRAM_SHA_256_PLUS,
)

MECHANISMS: dict[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (  # strongest first: the order of announcement
        EXTERNAL,
        SCRAM_SHA_256_PLUS,
        SCRAM_SHA_256,
        SCRAM_SHA_1_PLUS,
        SCRAM_SHA_1,
        OAUTHBEARER,
        XOAUTH2,
        CRAM_MD5,
        PLAIN,
        LOGIN,
    )
}
