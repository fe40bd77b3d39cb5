# SPDX-License-Identifier: MIT
"""SASL mechanisms, one file each, as dialogues without IO (see ``dialogue``)."""

from __future__ import annotations

from homemail.auth.sasl.dialogue import Mechanism
from homemail.auth.sasl.login import LOGIN
from homemail.auth.sasl.plain import PLAIN
from homemail.auth.sasl.scram import SCRAM_SHA_256

MECHANISMS: dict[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (SCRAM_SHA_256, PLAIN, LOGIN)  # strongest first: the order of announcement
}
