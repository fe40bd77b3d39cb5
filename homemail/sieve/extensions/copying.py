# SPDX-License-Identifier: MIT
"""``:copy`` leaves the implicit keep alone (RFC 3894)."""

from __future__ import annotations

from dataclasses import replace

from homemail.sieve.action import Action, FileInto, Redirect
from homemail.sieve.compiler import Compiler
from homemail.sieve.extension import Adjust, Extension, TagSpec
from homemail.sieve.interpret import Run
from homemail.sieve.validate import Bound


def _copy(bound: Bound, compiler: Compiler) -> Adjust:
    def adjust(action: Action, run: Run) -> Action:
        return replace(action, copy=True) if isinstance(action, FileInto | Redirect) else action

    return adjust


_TAGS = {"copy": TagSpec(adjust=_copy)}

COPY = Extension(name="copy", tags={"fileinto": _TAGS, "redirect": _TAGS})
