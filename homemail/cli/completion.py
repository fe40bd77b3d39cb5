# SPDX-License-Identifier: MIT
"""``homemail completion``: the program's words for a shell, made from its own parser."""

from __future__ import annotations

from collections.abc import Iterator

from homemail.cli.parser import Arguments, Parser

Words = dict[str, tuple[list[str], list[str]]]
"""For each command, as ``account add``: the commands below it, and its options."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples = (
        "homemail completion bash > /etc/bash_completion.d/homemail",
        "homemail completion zsh > ~/.zfunc/_homemail",
        "homemail completion fish > ~/.config/fish/completions/homemail.fish",
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="the shell to make it for")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print the script."""
    from homemail.cli.commands import build_parser  # which knows this module

    parser = build_parser()
    words = dict(_words(parser, ""))
    values = sorted(_options_with_value(parser))
    between = " " if arguments.shell == "fish" else " | "
    cases = _CASES[arguments.shell](words)
    print(SHELLS[arguments.shell].format(values=between.join(values), cases=cases))
    return 0


def _words(parser: Parser, path: str) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
    yield path, (list(parser.commands), [name for name, _ in parser.options()])
    for name, below in parser.commands.items():
        yield from _words(below, f"{path} {name}".strip())


def _options_with_value(parser: Parser) -> set[str]:
    found = {name for name, takes_value in parser.options() if takes_value}
    return found.union(*map(_options_with_value, parser.commands.values()))


def _deepest_first(words: Words) -> list[str]:
    return sorted(words, key=lambda path: (-len(path.split()), path))


def _bash_cases(words: Words) -> str:
    lines = []
    for path in _deepest_first(words):
        below, options = words[path]
        more = "" if below else "*"
        lines.append(f'        "{path}"{more}) words="{" ".join(below + options)}" ;;')
    return "\n".join(lines)


def _zsh_cases(words: Words) -> str:
    lines = []
    for path in _deepest_first(words):
        below, options = words[path]
        more = "" if below else "*"
        lines.append(f'        ("{path}"{more}) candidates=({" ".join(below + options)}) ;;')
    return "\n".join(lines)


def _fish_cases(words: Words) -> str:
    lines = []
    for path in _deepest_first(words):
        below, options = words[path]
        more = "" if below else "*"
        listed = " ".join(below + options)
        lines.append(f"        case '{path}{more}'\n            string split ' ' -- '{listed}'")
    return "\n".join(lines)


_BASH = """\
# Completion of homemail's words for bash.
_homemail() {{
    local word path="" skip="" words="" current="${{COMP_WORDS[COMP_CWORD]}}"
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        if [[ $skip ]]; then skip=""; continue; fi
        case "$word" in
        {values}) skip=1 ;;
        -*) ;;
        *) path="${{path:+$path }}$word" ;;
        esac
    done
    COMPREPLY=()
    [[ $skip ]] && return  # the shell's own completion: a file
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _homemail homemail"""

_ZSH = """\
#compdef homemail
# Completion of homemail's words for zsh.
_homemail() {{
    local word at="" skip=""
    local -a candidates
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n $skip ]]; then skip=""; continue; fi
        case "$word" in
        ({values}) skip=1 ;;
        (-*) ;;
        (*) at="${{at:+$at }}$word" ;;
        esac
    done
    if [[ -n $skip ]]; then _files; return; fi
    case "$at" in
{cases}
    esac
    compadd -- $candidates
}}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _homemail "$@"
else
    compdef _homemail homemail
fi"""

_FISH = """\
# Completion of homemail's words for fish.
function __homemail_words
    set -l path
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case {values}
                set skip 1
            case '-*'
            case '*'
                set -a path $word
        end
    end
    if test $skip = 1
        __fish_complete_path (commandline -ct)
        return
    end
    switch "$path"
{cases}
    end
end
complete -c homemail -f -a '(__homemail_words)'"""

SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_CASES = {"bash": _bash_cases, "zsh": _zsh_cases, "fish": _fish_cases}
