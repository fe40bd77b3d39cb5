# SPDX-License-Identifier: MIT
"""The unique-ids of messages: made by a format, so that those of another server can go on. No IO.

The formats are Dovecot's: ``%u`` the UID, ``%v`` the UIDVALIDITY, ``%f`` the file's name, ``%%`` a
percent sign; between, a width with leading zeros and ``X`` for hexadecimal.

==================  ===========================================
the server before   ``pop3_uidl_format``
==================  ===========================================
homemail            ``%08Xv.%08Xu``
Dovecot             ``%08Xu%08Xv``
Courier             ``%f`` (names), ``%u``, or ``%v-%u``
Cyrus               ``%v.%u``
==================  ===========================================

qpopper writes its own into the messages (``X-UIDL``), see ``pop3_reuse_xuidl``.

Source: RFC 1939 §7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from homemail.errors import ConfigError
from homemail.message.header import field_bodies
from homemail.model.mailbox import Uid, UidValidity

DEFAULT_FORMAT = "%08Xv.%08Xu"

_FIELD = re.compile(r"%(?P<width>0?[0-9]{0,2})(?P<hex>X?)(?P<what>[uvf%])")
_OUTSIDE = re.compile(r"[^!-~]")
_GIVEN = re.compile(rb"[!-~]{1,70}")


@dataclass(frozen=True, slots=True)
class UidlFormat:
    """A format that was checked; ``template`` is for the ``%`` operator."""

    template: str
    wants_file: bool

    @classmethod
    def parse(cls, text: str) -> UidlFormat:
        """Return the format that ``text`` describes.

        Raises:
            ValueError: it means nothing, or different messages would get the same.
        """
        rest = _FIELD.sub("", text)
        kinds = {match["what"] for match in _FIELD.finditer(text)}
        if "%" in rest or _OUTSIDE.search(rest) or not kinds & {"u", "f"}:
            raise ValueError('expected a format such as "%08Xu%08Xv" that has %u or %f in it')
        return cls(_FIELD.sub(_percent, text), "f" in kinds)

    def of(self, uid: Uid, uid_validity: UidValidity, file: str) -> str:
        """Return the unique-id of a message."""
        text = self.template % {"u": uid, "v": uid_validity, "f": file}
        return _OUTSIDE.sub("_", text)

    def of_all(self, uids: Iterable[Uid], uid_validity: UidValidity) -> list[str]:
        """Return the unique-ids of messages whose files do not matter."""
        # The UIDVALIDITY is put in once, so that each message costs one conversion.
        template = self.template.replace("%%", "%%%%")
        template = re.sub(r"%\(u\)([0-9]*[xd])", r"%%(u)\1", template) % {"v": uid_validity}
        return [template % {"u": uid} for uid in uids]


def parse_format(text: str) -> UidlFormat:
    """Return the format of the setting ``pop3_uidl_format``.

    Raises:
        ConfigError: it means nothing.
    """
    try:
        return UidlFormat.parse(text)
    except ValueError as error:
        raise ConfigError(str(error), parameter="pop3_uidl_format") from error


def _percent(match: re.Match[str]) -> str:
    if match["what"] == "%":
        return "%%"
    if match["what"] == "f":
        return "%(f)s"
    return f"%({match['what']}){match['width']}{'x' if match['hex'] else 'd'}"


_DEFAULT = UidlFormat.parse(DEFAULT_FORMAT)


def unique_ids(
    uids: Sequence[Uid],
    uid_validity: UidValidity,
    form: UidlFormat,
    files: Mapping[Uid, str],
    given: Mapping[Uid, str],
) -> list[str]:
    """Return the unique-id of each message; those ``given`` go before the format.

    No two are the same: the later of two gets the one that this server would give.
    """
    if not given and not form.wants_file:
        return form.of_all(uids, uid_validity)
    made: list[str] = []
    known: set[str] = set()
    for uid in uids:
        name = given.get(uid) or form.of(uid, uid_validity, files.get(uid, str(uid)))
        if name in known:
            name = _DEFAULT.of(uid, uid_validity, "")
        known.add(name)
        made.append(name)
    return made


def given_in(header: bytes) -> str:
    """Return the unique-id that qpopper wrote into a header, empty where there is none."""
    for body in field_bodies(header, b"x-uidl"):
        if _GIVEN.fullmatch(body.strip()):
            return body.strip().decode()
    return ""
