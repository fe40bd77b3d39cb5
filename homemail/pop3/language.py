# SPDX-License-Identifier: MIT
"""UTF8 and LANG: texts in another language than English there are none yet.

Messages go out as they came, whether the client has said UTF8 or not.

Source: RFC 6856 §2, RFC 6856 §3.
"""

from __future__ import annotations

from homemail.pop3.connection import Command
from homemail.pop3.dialogue import Dialogue


def answer_anywhere(command: Command, dialogue: Dialogue) -> None:
    """Answer UTF8 (before the login) or LANG."""
    argument = (command.argument or b"").strip().lower()
    if command.keyword == "UTF8":
        if argument:
            dialogue.refuse("UTF8 takes no argument")
        else:
            dialogue.ok("UTF-8 it is")
    elif not argument:
        dialogue.lines("Languages follow", ["en English"])
    elif argument in (b"en", b"i-default", b"*"):
        dialogue.ok("en Texts are in English")
    else:
        dialogue.err("That language is not spoken here")
