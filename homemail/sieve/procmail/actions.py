# SPDX-License-Identifier: MIT
"""Actions as Sieve commands: mailboxes, addresses, and the few programs that Sieve replaces."""

from __future__ import annotations

import re
import shlex

from homemail.sieve.procmail.conditions import Around, CannotTurn, filled, quoted

_DEFAULT = re.compile(r"\$\{?(?:DEFAULT|ORGMAIL)\}?/?$|\$HOME/(?:Maildir/|Mailbox)$")
_FOLDER = re.compile(
    r"^(?:\$\{?MAILDIR\}?/|\$HOME/(?:Maildir|Mail|mail)/|~/(?:Maildir|Mail|mail)/|\./)"
)
_ECHO = re.compile(r"echo\s+(\"[^\"]*\"|'[^']*')")


def turn_action(text: str, around: Around, *, copy: bool) -> list[str]:
    """Return the commands that an action means; ``copy``: the message goes on after them.

    Raises:
        CannotTurn: Sieve has none.
    """
    if text.startswith("!"):
        return _redirect(text[1:], around, copy=copy)
    if text.startswith("|"):
        return _program(text[1:].strip(), around)
    return _folder(text, around, copy=copy)


def _redirect(text: str, around: Around, *, copy: bool) -> list[str]:
    addresses = [word.strip(",\"'") for word in filled(text, around).split()]
    if not addresses or any(word.startswith("-") for word in addresses):
        raise CannotTurn("it takes its addresses from elsewhere")
    if copy:
        around.needs.add("copy")
    return [f"redirect{' :copy' if copy else ''} {quoted(word)};" for word in addresses]


def _folder(text: str, around: Around, *, copy: bool) -> list[str]:
    if text == "/dev/null":
        return [] if copy else ["discard;"]
    if _DEFAULT.match(text):
        return ["keep;"]
    name = mailbox_name(_FOLDER.sub("", text), around)
    around.needs.update({"fileinto", "mailbox"})
    if copy:
        around.needs.add("copy")
    return [f"fileinto :create{' :copy' if copy else ''} {quoted(name)};"]


def mailbox_name(text: str, around: Around) -> str:
    """Return the mailbox for a folder's file or directory.

    Raises:
        CannotTurn: it is no folder of the owner's.
    """
    name = filled(text, around).strip("\"'")
    name = name.removesuffix("/.").rstrip("/")
    if name.startswith("."):  # Maildir++: .Lists.Sieve/
        name = name[1:].replace(".", "/")
    if not name or name.startswith(("/", "~")) or ".." in name.split("/"):
        raise CannotTurn(f"{text} is no folder below the mail directory")
    return name


def _program(command: str, around: Around) -> list[str]:
    words = _words(command)
    if "formail" in words[:1] and not re.search(r"[|;&]", command):
        return _formail(words[1:], around)
    if re.search(r"formail\s.*-\w*r", command) or words[:1] in (
        ["vacation"],
        ["/usr/bin/vacation"],
    ):
        return _vacation(command, around)
    raise CannotTurn("it runs a program")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        raise CannotTurn("it runs a program") from None
    return [words[0].rpartition("/")[2], *words[1:]] if words else []


def _formail(words: list[str], around: Around) -> list[str]:
    commands: list[str] = []
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if not pairs or len(words) % 2:
        raise CannotTurn("it runs formail in a way that Sieve has no word for")
    for option, value in pairs:
        name, colon, body = value.partition(":")
        if option not in ("-I", "-A", "-a", "-i") or not colon:
            raise CannotTurn("it runs formail in a way that Sieve has no word for")
        if option in ("-I", "-i"):
            commands.append(f"deleteheader {quoted(name)};")
        if body.strip():
            commands.append(f"addheader {quoted(name)} {quoted(filled(body.strip(), around))};")
    around.needs.add("editheader")
    return commands


def _vacation(command: str, around: Around) -> list[str]:
    texts = [found[1:-1] for found in _ECHO.findall(command)]
    around.needs.add("vacation")
    around.remarks.append("vacation answers everybody once a week, and no list or machine")
    text = " ".join(texts) or "I am away."
    if not texts:
        around.remarks.append("write the text of the answer here")
    return [f"vacation :days 7 {quoted(text)};"]
