# SPDX-License-Identifier: MIT
"""The authenticated state: an owner and his scripts.

Source: RFC 5804 §2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from homemail.config.sieve import SieveSettings
from homemail.errors import MailError, Permanent, Temporary
from homemail.log import Log
from homemail.managesieve.capabilities import capability_lines
from homemail.managesieve.connection import Bad, Command
from homemail.managesieve.dialogue import LOGIN_LITERAL_OCTETS, Dialogue, string
from homemail.managesieve.login import answer_anywhere
from homemail.model.session import SessionStart
from homemail.sieve import Script, ScriptErrors, compile_script, limits_of
from homemail.sieve.scripts import (
    NoSuchScript,
    ScriptExists,
    ScriptIsActive,
    Scripts,
    ScriptTooBig,
    TooManyScripts,
)

log = Log("managesieve")

P = ParamSpec("P")
R = TypeVar("R")

_CODES: dict[type[MailError], str] = {
    NoSuchScript: "NONEXISTENT",
    ScriptExists: "ALREADYEXISTS",
    ScriptIsActive: "ACTIVE",
    TooManyScripts: "QUOTA/MAXSCRIPTS",
    ScriptTooBig: "QUOTA/MAXSIZE",
}


def code_for(error: MailError) -> str:
    """Return the response code that tells a client of ``error`` (RFC 5804 §1.3)."""
    return "TRYLATER" if isinstance(error, Temporary) else _CODES.get(type(error), "")


class Session:
    """One client that has logged in. File work and compiling run in threads."""

    def __init__(
        self,
        dialogue: Dialogue,
        start: SessionStart,
        scripts: Scripts,
        settings: SieveSettings,
        *,
        mechanisms: Sequence[str],
    ) -> None:
        self._dialogue = dialogue
        self._start = start
        self._scripts = scripts
        self._settings = settings
        self._mechanisms = mechanisms
        self._limits = limits_of(settings)

    async def run(self) -> bool:
        """Serve until the client ends it: False after LOGOUT, True after UNAUTHENTICATE."""
        self._dialogue.set_literal_limit(self._settings.sieve_max_script_size)
        while True:
            command = await self._dialogue.next_command(self._settings.managesieve_timeout)
            if command == Command("UNAUTHENTICATE"):
                self._dialogue.set_literal_limit(LOGIN_LITERAL_OCTETS)
                self._dialogue.ok("Logged out of the account")
                return True
            try:
                if await self._answer(command):
                    return False
            except MailError as error:
                self._report(error)

    def _report(self, error: MailError) -> None:
        if not isinstance(error, Permanent):
            log.warning(
                "command failed", user=self._start.account, trace=self._start.trace,
                error=error, why=error.__cause__,
            )  # fmt: skip
        self._dialogue.no(error.text, code_for(error))

    async def _answer(self, command: Command) -> bool:
        """Answer one command; True after LOGOUT."""
        scripts = self._scripts
        match command:
            case Command("CAPABILITY", ()):
                self._capability()
            case Command("LISTSCRIPTS", ()):
                await self._list_scripts()
            case Command("GETSCRIPT", (bytes(name),)):
                script = await self._in_thread(scripts.read, _name(name))
                self._dialogue.line(b"{%d}\r\n%b" % (len(script), script))
                self._dialogue.ok("Script sent")
            case Command("HAVESPACE", (bytes(name), int(octets))):
                await self._in_thread(scripts.check_space, _name(name), octets)
                self._dialogue.ok("There is space")
            case Command("PUTSCRIPT", (bytes(name), bytes(script))):
                await self._put_script(_name(name), script)
            case Command("CHECKSCRIPT", (bytes(script),)):
                if compiled := await self._compiled(script):
                    self._accept(compiled, "The script is right")
            case Command("SETACTIVE", (bytes(name),)):
                await self._set_active(_name(name))
            case Command("DELETESCRIPT", (bytes(name),)):
                await self._in_thread(scripts.delete, _name(name))
                self._dialogue.ok("Script deleted")
            case Command("RENAMESCRIPT", (bytes(name), bytes(new_name))):
                await self._in_thread(scripts.rename, _name(name), _name(new_name))
                self._dialogue.ok("Script renamed")
            case Command("AUTHENTICATE" | "STARTTLS"):
                self._dialogue.refuse(Bad("Not after the login"))
            case _:
                return answer_anywhere(command, self._dialogue)
        return False

    async def _in_thread(self, call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except MailError:
            raise
        except Exception:
            log.exception("command failed", user=self._start.account, trace=self._start.trace)
            raise Temporary("Internal trouble, try again later") from None

    def _capability(self) -> None:
        lines = capability_lines(
            self._mechanisms,
            starttls=False,
            redirects=self._settings.sieve_max_redirects,
            owner=self._start.account,
        )
        for line in lines:
            self._dialogue.line(line)
        self._dialogue.ok("Capabilities listed")

    async def _list_scripts(self) -> None:
        for row in await self._in_thread(self._scripts.all):
            self._dialogue.line(string(row.name), *([b"ACTIVE"] if row.active else []))
        self._dialogue.ok("Scripts listed")

    async def _put_script(self, name: str, script: bytes) -> None:
        await self._in_thread(self._scripts.check_space, name, len(script))
        if compiled := await self._compiled(script):
            await self._in_thread(self._scripts.write, name, script)
            self._accept(compiled, "Script kept")

    async def _set_active(self, name: str) -> None:
        if name:
            # A script that was put there by hand may never have been looked at.
            if not await self._compiled(await self._in_thread(self._scripts.read, name)):
                return
            await self._in_thread(self._scripts.set_active, name)
            self._dialogue.ok("Script is active now")
        else:
            await self._in_thread(self._scripts.set_active, None)
            self._dialogue.ok("No script is active now")

    async def _compiled(self, octets: bytes) -> Script | None:
        """Return the script; where it has errors they are answered here."""
        if not octets:
            self._dialogue.no("The script is empty")
            return None
        script = await self._in_thread(compile_script, octets, self._limits)
        if isinstance(script, ScriptErrors):
            self._dialogue.no("\r\n".join(str(error) for error in script.errors))
            return None
        return script

    def _accept(self, script: Script, text: str) -> None:
        if script.warnings:
            warnings = "\r\n".join(str(warning) for warning in script.warnings)
            self._dialogue.ok(warnings, b"WARNINGS")
        else:
            self._dialogue.ok(text)


def _name(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise NoSuchScript("The script's name is not UTF-8") from None
