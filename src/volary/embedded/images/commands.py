"""Hook commands, interpreted: a closed list of programs with the options that canaries use. There is never a shell.

    hey      -z -n -c -q -m -H -d -host -t -T -h2 (ignored) -disable-keepalive
    curl     -s -S -f -i -L -k -X -H -d -m -o -w and their long forms
    wget     -q -O --spider --tries --timeout --header --post-data
    grep     -q -i -v -E -F -c
    also true, false, echo, sleep; `|`, `&&`, `2>&1`, `>/dev/null`

Source: hey, curl, wget and grep manuals; the commands in Flagger's documentation and tests.
"""

from __future__ import annotations

import asyncio
import getopt
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from volary.embedded.images.hey import hey
from volary.embedded.images.mesh_client import Connection, Request, Unreachable

DEFAULT_SECONDS = 30.0  # for one answer to curl or wget


class Outcome(NamedTuple):
    code: int
    output: bytes = b""


class NotAllowed(ValueError):
    """A command that is not on the list; the text says what is."""


Run = Callable[[Sequence[str], bytes, Mapping[str, str]], Awaitable[Outcome]]


async def run(text: str, env: Mapping[str, str]) -> Outcome:
    """Run a command line. Raises: NotAllowed."""
    outcome = Outcome(0)
    for pipeline in read(text):
        outcome = Outcome(0)
        for words in pipeline:
            outcome = await PROGRAMS[words[0]](words[1:], outcome.output, env)
        if outcome.code:
            break  # `&&`; a pipeline counts by its last command
    return outcome


def read(text: str) -> list[list[list[str]]]:
    """Return the pipelines of a command line, each a list of commands. Raises: NotAllowed, before anything is run."""
    if re.search(r"[`]|\$\(|\$\{", text):
        raise NotAllowed("substitutions ($(…), ${…}, backticks) are not run here")
    lexer = shlex.shlex(re.sub(r"\s2>&1|\s[12]?>\s*/dev/null", " ", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as problem:
        raise NotAllowed(f"{text!r}: {problem}") from None
    pipelines: list[list[list[str]]] = [[[]]]
    for word in words:
        if word == "|":
            pipelines[-1].append([])
        elif word == "&&":
            pipelines.append([[]])
        elif set(word) <= set("|&;<>"):
            raise NotAllowed(f"{word!r} is not understood here; known are | and &&")
        else:
            pipelines[-1][-1].append(word)
    for command in (command for pipeline in pipelines for command in pipeline):
        if not command or command[0] not in PROGRAMS:
            name = repr(command[0]) if command else "an empty command"
            raise NotAllowed(f"{name} is not run here; known are {', '.join(sorted(PROGRAMS))}")
    return pipelines


async def run_hey(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    try:
        return Outcome(0, await hey(words, env))
    except ValueError as problem:
        return Outcome(1, f"{problem}\n".encode())


async def curl(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    """Fetch one URL; 22 for an error status with -f, 6 or 7 if nobody answers, 28 if not in time."""
    names = ["request=", "header=", "data=", "data-raw=", "max-time=", "output=", "write-out=", "silent", "show-error"]
    names += ["fail", "include", "location", "insecure", "connect-timeout=", "retry=", "json="]
    try:
        options, urls = getopt.gnu_getopt(list(words), "sSfiLkvX:H:d:m:o:w:", names)
    except getopt.GetoptError as problem:
        return Outcome(2, f"curl: {problem}\n".encode())
    if len(urls) != 1:
        return Outcome(2, b"curl: want one URL\n")
    chosen = dict(options)
    bodies = [value for name, value in options if name in ("-d", "--data", "--data-raw", "--json")]
    headers = [split_header(value) for name, value in options if name in ("-H", "--header")]
    if bodies and not any(name.lower() == "content-type" for name, _ in headers):
        kind = "application/json" if "--json" in chosen else "application/x-www-form-urlencoded"
        headers.append(("content-type", kind))
    method = chosen.get("-X") or chosen.get("--request") or ("POST" if bodies else "GET")
    seconds = float(chosen.get("-m") or chosen.get("--max-time") or DEFAULT_SECONDS)
    request = Request(urls[0], method, headers, "&".join(bodies).encode())
    try:
        code, body = await fetch(request, env, seconds)
    except TimeoutError:
        return Outcome(28, f"curl: (28) no answer within {seconds:g} s\n".encode())
    except OSError as problem:
        return Outcome(7, f"curl: (7) {problem}\n".encode())
    if code >= 400 and ("-f" in chosen or "--fail" in chosen):
        return Outcome(22, f"curl: (22) The requested URL returned error: {code}\n".encode())
    if chosen.get("-o") or chosen.get("--output"):
        body = b""  # whatever the file: there are none
    wish = chosen.get("-w") or chosen.get("--write-out") or ""
    return Outcome(0, body + re.sub(r"%{(http_code|response_code)}", str(code), wish).replace("\\n", "\n").encode())


async def wget(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    """Fetch one URL; 8 for an error status, 4 if nobody answers."""
    names = ["quiet", "spider", "tries=", "timeout=", "header=", "post-data=", "output-document=", "no-verbose"]
    try:
        options, urls = getopt.gnu_getopt(list(words), "qO:T:t:S", names)
    except getopt.GetoptError as problem:
        return Outcome(2, f"wget: {problem}\n".encode())
    if len(urls) != 1:
        return Outcome(1, b"wget: want one URL\n")
    chosen = dict(options)
    headers = [split_header(value) for name, value in options if name == "--header"]
    post = chosen.get("--post-data")
    method = "POST" if post is not None else "HEAD" if "--spider" in chosen else "GET"
    seconds = float(chosen.get("--timeout") or chosen.get("-T") or DEFAULT_SECONDS)
    try:
        code, body = await fetch(Request(urls[0], method, headers, (post or "").encode()), env, seconds)
    except OSError as problem:
        return Outcome(4, f"wget: {problem}\n".encode())
    if code >= 400:
        return Outcome(8, f"wget: server returned error: HTTP {code}\n".encode())
    shown = chosen.get("-O") == "-" or chosen.get("--output-document") == "-"
    return Outcome(0, body if shown else b"")


async def grep(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    """Keep the lines that match; 1 if none does."""
    try:
        options, patterns = getopt.gnu_getopt(list(words), "qivEFce:")
        chosen = dict(options)
        pattern = chosen.get("-e") or patterns[0]
        source = re.escape(pattern) if "-F" in chosen else pattern
        wanted = re.compile(source.encode(), re.IGNORECASE if "-i" in chosen else 0)
    except (getopt.GetoptError, IndexError, re.error) as problem:
        return Outcome(2, f"grep: {problem}\n".encode())
    lines = [line for line in given.splitlines() if bool(wanted.search(line)) != ("-v" in chosen)]
    if "-c" in chosen:
        return Outcome(0 if lines else 1, b"%d\n" % len(lines))
    shown = b"" if "-q" in chosen else b"".join(line + b"\n" for line in lines)
    return Outcome(0 if lines else 1, shown)


async def echo(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    return Outcome(0, " ".join(words).encode() + b"\n")


async def sleep(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    try:
        await asyncio.sleep(float(words[0].removesuffix("s")))
    except (IndexError, ValueError):
        return Outcome(1, b"sleep: want a number of seconds\n")
    return Outcome(0)


async def succeed(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    return Outcome(0)


async def fail(words: Sequence[str], given: bytes, env: Mapping[str, str]) -> Outcome:
    return Outcome(1)


async def fetch(request: Request, env: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
    """Return status and body. Raises: OSError (a TimeoutError is one)."""
    connection = Connection(env)
    try:
        async with asyncio.timeout(seconds):
            response = await connection.send(request, keep=False)
    finally:
        connection.close()
    return response.code, response.body


def split_header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


PROGRAMS: Mapping[str, Run] = {
    "hey": run_hey,
    "curl": curl,
    "wget": wget,
    "grep": grep,
    "echo": echo,
    "sleep": sleep,
    "true": succeed,
    "false": fail,
}
__all__ = ["NotAllowed", "Outcome", "Unreachable", "read", "run"]
