"""A stand-in for podinfo: its HTTP routes, metrics, flags and faults; standard library only.

Every answer is signed with `x-volary-pod: NAME`. Left out, since nothing here needs them: gRPC, pprof, the assets of
the web page, `/ws/echo` (501) and a cache server (`/cache` answers as podinfo without one).

A tag that ends in `-broken` stands for a bad build, which fails every third request for `/`.
`PODINFO_FAULT` breaks requests in a countable way: `path=/;every=3;status=500`, several separated by commas, also with
`delay=SECONDS`. `/beta` is an ordinary page that podinfo itself has not.

Source: podinfo 6 (`pkg/api/http`, `cmd/podinfo`).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from volary.embedded.images.http_server import TEXT, Answer, App, Ask, Reply, serve
from volary.embedded.images.request_counts import RequestCounts

BACKEND_SECONDS = 30.0
# Flags and their defaults; each is also an environment variable, PODINFO_ and upper case.
FLAGS = {
    "host": "",
    "port": "9898",
    "secure-port": "0",
    "port-metrics": "0",
    "grpc-port": "0",
    "grpc-service-name": "podinfo",
    "level": "info",
    "backend-url": "",
    "http-client-timeout": "2m",
    "http-server-timeout": "30s",
    "http-server-shutdown-timeout": "5s",
    "data-path": "/data",
    "config-path": "",
    "cert-path": "/data/cert",
    "config": "config.yaml",
    "ui-path": "./ui",
    "ui-logo": "https://raw.githubusercontent.com/stefanprodan/podinfo/gh-pages/cuddle_clap.gif",
    "ui-color": "#34577c",
    "ui-message": "",
    "h2c": "false",
    "random-delay": "false",
    "random-delay-unit": "s",
    "random-delay-min": "0",
    "random-delay-max": "5",
    "random-error": "false",
    "random-seed": "",  # ours: the same faults in each run
    "fault": "",  # ours: see above
    "unhealthy": "false",
    "unready": "false",
    "stress-cpu": "0",
    "stress-memory": "0",
    "cache-server": "",
    "otel-service-name": "",
    "prefix": "",
}
SWITCHES = {name for name, value in FLAGS.items() if value in ("true", "false")}
JWT_HEAD = b'{"alg":"HS256","typ":"JWT"}'
BROKEN, BROKEN_FAULT = "-broken", "path=/;every=3;status=500"  # a tag that ends so stands for a bad build
CONTROL_ROUTES = ("/healthz", "/readyz", "/metrics", "/fault_injection", "/debug")  # a fault leaves them alone


Handler = Callable[[Ask, str], Reply]


def read_settings(arguments: list[str], env: Mapping[str, str]) -> dict[str, str]:
    """Return all settings: flags beat the environment, which beats the defaults. Raises: ValueError."""
    settings = {name: env.get("PODINFO_" + name.upper().replace("-", "_"), value) for name, value in FLAGS.items()}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name not in FLAGS:
            raise ValueError(f"unknown flag: --{name}")
        if not equals:
            value = "true" if name in SWITCHES else rest.pop(0) if rest else ""
        settings[name] = value
    return settings


@dataclass
class Fault:
    """A rule: every so many requests for a path are answered badly."""

    path: str
    every: int = 1
    status: int = 500
    delay: float = 0.0
    seen: int = 0

    def strikes(self, path: str) -> bool:
        if path != self.path:
            return False
        self.seen += 1
        return self.seen % self.every == 0


def read_faults(text: str) -> list[Fault]:
    """Return the rules of `path=/;every=3;status=500,…`. Raises: ValueError."""
    faults = []
    for rule in filter(None, (part.strip() for part in text.split(","))):
        parts = dict(part.strip().partition("=")[::2] for part in rule.split(";"))
        unknown = set(parts) - {"path", "every", "status", "delay"}
        if unknown or not parts.get("path", "").startswith("/"):
            raise ValueError(f"fault: {rule!r}: want path=/…;every=N;status=CODE;delay=SECONDS")
        numbers = int(parts.get("every", 1)), int(parts.get("status", 500)), float(parts.get("delay", 0))
        faults.append(Fault(parts["path"], *numbers))
    return faults


class Podinfo(App):
    """One podinfo: its settings, its switches, its routes."""

    def __init__(self, settings: Mapping[str, str], env: Mapping[str, str]) -> None:
        self.settings = settings
        self.env = env
        self.pod = env.get("VOLARY_POD") or socket.gethostname()
        self.version = env.get("VOLARY_VERSION") or "latest"
        self.mounts = dict(line.split("=", 1) for line in env.get("VOLARY_MOUNTS", "").split("\n") if line)
        self.healthy = settings["unhealthy"] != "true"
        self.ready = settings["unready"] != "true"
        self.faulty = False
        self.faults = read_faults(settings["fault"] or (BROKEN_FAULT if self.version.endswith(BROKEN) else ""))
        self.rng = random.Random(settings["random-seed"] or None)
        self.secret = self.rng.randbytes(32)
        self.counts = RequestCounts()
        self.store: dict[str, bytes] = {}
        self.info = self._info()
        self.routes = self._routes()

    def _info(self) -> bytes:
        facts = {
            "hostname": self.pod,
            "version": self.version,
            "revision": "stand-in",
            "color": self.settings["ui-color"],
            "logo": self.settings["ui-logo"],
            "message": self.settings["ui-message"] or f"greetings from podinfo v{self.version}",
            "goos": sys.platform,
            "goarch": os.uname().machine,
            "runtime": "python" + ".".join(map(str, sys.version_info[:3])),
            "num_goroutine": "1",
            "num_cpu": str(os.cpu_count()),
        }
        return dump(facts)

    def _routes(self) -> list[tuple[str, re.Pattern[str], str, Handler]]:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/", self.root),
            ("GET", "/api/info", self.runtime_info),
            ("GET", "/beta", self.runtime_info),
            ("GET", "/version", lambda ask, rest: good({"commit": "stand-in", "version": self.version})),
            ("GET", "/healthz", lambda ask, rest: status(self.healthy)),
            ("GET", "/readyz", lambda ask, rest: status(self.ready)),
            ("POST", "/readyz/enable", lambda ask, rest: self.switch("ready", True)),
            ("POST", "/readyz/disable", lambda ask, rest: self.switch("ready", False)),
            ("POST", "/fault_injection/enable", lambda ask, rest: self.switch("faulty", True)),
            ("POST", "/fault_injection/disable", lambda ask, rest: self.switch("faulty", False)),
            ("GET", "/fault_injection/status", lambda ask, rest: good({"enabled": self.faulty})),
            ("GET", "/metrics", self.show_metrics),
            ("*", "/status/{code}", self.status_code),
            ("*", "/delay/{wait}", lambda ask, wait: Answer(200, dump({"delay": number(wait)}), wait=number(wait))),
            ("*", "/chunked/{wait}", lambda ask, wait: Answer(200, dump({"delay": number(wait)}), wait=number(wait))),
            ("*", "/headers", lambda ask, rest: good({name.title(): value for name, value in ask.headers.items()})),
            ("*", "/env", lambda ask, rest: good(self.own_environment())),
            ("GET", "/configs", lambda ask, rest: good(self.configs())),
            ("GET", "/panic", self.panic),
            ("POST", "/token", lambda ask, rest: good(issue(self.secret, ask.body.decode(errors="replace")))),
            ("*", "/token/validate", lambda ask, rest: validate(self.secret, ask.headers)),
            ("POST", "/store", self.put),
            ("PUT", "/store", self.put),
            ("GET", "/store/{hash}", self.take),
            ("*", "/cache/{key}", lambda ask, rest: Answer(400, dump({"code": 400, "message": "Redis is offline"}))),
            ("GET", "/ws/echo", lambda ask, rest: Answer(501, dump({"code": 501, "message": "no WebSockets here"}))),
            ("GET", "/swagger.json", self.swagger),
            ("*", "/echo", self.echo),
            ("*", "/api/echo", self.echo),
        ]
        prefix = self.settings["prefix"].rstrip("/")
        return [
            (method, re.compile(prefix + re.sub(r"{\w+}", "([^/]+)", path) + r"/?\Z"), label(path), handler)
            for method, path, handler in table
        ]

    def count(self, method: str, route: str, code: int, seconds: float) -> None:
        self.counts.add(method, route, code, seconds)

    def stop(self) -> None:
        self.ready = False

    def route(self, ask: Ask) -> tuple[str, Reply]:
        named, found = "", None
        for method, pattern, name, handler in self.routes:
            match = pattern.match(ask.path)
            if match is not None:
                named, found = name, match
                if method in ("*", ask.method) or (method == "GET" and ask.method == "HEAD"):
                    faulty = self.fault(ask.path)
                    return name, self.slowed(faulty or handler(ask, match.group(match.lastindex or 0)))
        if found is not None:
            return named, Answer(405, b"")
        return "not_found", Answer(404, b"404 page not found\n", TEXT)

    def fault(self, path: str) -> Answer | None:
        """Return the bad answer that this request gets, or None."""
        if path.startswith(CONTROL_ROUTES):
            return self.random_fault() if not path.startswith(("/fault_injection", "/metrics")) else None
        if self.faulty:
            return Answer(500, dump({"code": 500, "message": "fault injection is enabled"}))
        for rule in self.faults:
            if rule.strikes(path):
                return Answer(rule.status, dump({"code": rule.status, "message": "injected"}), wait=rule.delay)
        return self.random_fault()

    def random_fault(self) -> Answer | None:
        """As podinfo does: one second in three fails as a whole, probes too."""
        if self.settings["random-error"] != "true":
            return None
        moment = random.Random(f"{self.settings['random-seed']}{int(time.time())}")
        if moment.randrange(3) != 0:
            return None
        code = self.rng.choice((500, 400, 409))
        return Answer(code, b"random error\n", TEXT)

    def slowed(self, reply: Reply) -> Reply:
        """Return the answer, later if random delays are on."""
        if self.settings["random-delay"] != "true" or not isinstance(reply, Answer):
            return reply
        least, most = number(self.settings["random-delay-min"]), number(self.settings["random-delay-max"])
        seconds = self.rng.uniform(least, max(least, most))
        seconds = seconds / 1000 if self.settings["random-delay-unit"] == "ms" else seconds
        return reply._replace(wait=reply.wait + seconds)

    def root(self, ask: Ask, rest: str) -> Answer:
        if not ask.headers.get("user-agent", [""])[0].startswith("Mozilla"):
            return Answer(200, self.info)
        page = f"<!doctype html><title>podinfo</title><body style='background:{self.settings['ui-color']}'>"
        return Answer(200, f"{page}<pre>{self.info.decode()}</pre>".encode(), "text/html; charset=utf-8")

    def runtime_info(self, ask: Ask, rest: str) -> Answer:
        return Answer(200, self.info)

    def switch(self, name: str, value: bool) -> Answer:
        setattr(self, name, value)
        return Answer(202, b"")

    def show_metrics(self, ask: Ask, rest: str) -> Answer:
        return Answer(200, self.counts.text().encode(), "text/plain; version=0.0.4; charset=utf-8")

    def status_code(self, ask: Ask, code: str) -> Answer:
        if not code.isdigit() or not 200 <= int(code) <= 599:
            return Answer(400, dump({"code": 400, "message": f"not a status: {code}"}))
        return Answer(int(code), dump({"status": int(code)}))

    def own_environment(self) -> list[str]:
        return [f"{name}={value}" for name, value in self.env.items() if not name.startswith("VOLARY_")]

    def configs(self) -> dict[str, str]:
        """Return the files of `--config-path`, wherever the node put that volume."""
        wanted = self.settings["config-path"].rstrip("/")
        folder = self.mounts.get(wanted, wanted)
        files = sorted(os.scandir(folder), key=lambda each: each.name) if folder and os.path.isdir(folder) else []  # noqa: PTH112
        found = {}
        for entry in files:
            if entry.is_file() and not entry.name.startswith("."):
                with open(entry.path, errors="replace") as file:  # noqa: PTH123
                    found[entry.name] = file.read()
        return found

    def panic(self, ask: Ask, rest: str) -> Answer:
        print("Panic command received", flush=True)
        os._exit(255)

    def put(self, ask: Ask, rest: str) -> Answer:
        import hashlib  # not at the start: it doubles the memory of a pod

        name = hashlib.sha1(ask.body, usedforsecurity=False).hexdigest()
        self.store[name] = ask.body
        return Answer(202, dump({"hash": name}))

    def take(self, ask: Ask, name: str) -> Answer:
        if name not in self.store:
            return Answer(500, dump({"code": 500, "message": "reading file failed"}))
        return Answer(202, self.store[name], TEXT)

    def swagger(self, ask: Ask, rest: str) -> Answer:
        paths: dict[str, object] = {path.pattern.removesuffix(r"/?\Z"): {} for _, path, _, _ in self.routes}
        return good({"swagger": "2.0", "info": {"title": "Podinfo API", "version": self.version}, "paths": paths})

    def echo(self, ask: Ask, rest: str) -> Reply:
        backends = self.settings["backend-url"].replace(",", " ").split()
        return forward(self.env, backends, ask) if backends else Answer(202, ask.body)


def label(path: str) -> str:
    """Return a route's name in metrics, "root" for "/"."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", path).strip("_").lower() or "root"


def dump(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def good(value: object) -> Answer:
    return Answer(200, dump(value))


def status(fine: bool) -> Answer:
    return good({"status": "OK"}) if fine else Answer(503, b"")


def number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0


def issue(secret: bytes, user: str) -> dict[str, str]:
    """Return a token for a user, good for a minute."""
    expires = int(time.time()) + 60
    claims = {"name": user or "anonymous", "iss": "podinfo", "exp": expires}
    head = f"{base64url(JWT_HEAD)}.{base64url(json.dumps(claims).encode())}"
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
    return {"token": f"{head}.{sign(secret, head)}", "expires_at": moment}


def validate(secret: bytes, headers: Mapping[str, list[str]]) -> Answer:
    import base64

    token = headers.get("authorization", [""])[0].partition(" ")[2]
    head, _, signature = token.rpartition(".")
    if head and sign(secret, head) == signature:
        middle = head.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        if claims["exp"] > time.time():
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["exp"]))
            return good({"token_name": claims["name"], "expires_at": moment})
    return Answer(401, dump({"code": 401, "message": "invalid authorization token"}))


def sign(secret: bytes, text: str) -> str:
    import hmac

    return base64url(hmac.digest(secret, text.encode(), "sha256"))


def base64url(content: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def forward(env: Mapping[str, str], backends: list[str], ask: Ask) -> Answer:
    """Send a request on to other services, through the cluster's gateway, and gather their answers."""
    from volary.embedded.images.mesh_client import Connection, Request  # most pods have no backend

    answers = []
    for url in backends:
        connection = Connection(env)
        try:
            async with asyncio.timeout(BACKEND_SECONDS):
                response = await connection.send(Request(url, "POST", body=ask.body), keep=False)
        except OSError as problem:
            return Answer(500, dump({"code": 500, "message": str(problem)}))
        finally:
            connection.close()
        if response.code >= 400:
            return Answer(500, dump({"code": 500, "message": f"{url} answered {response.code}"}))
        answers.append(response.body.decode(errors="replace"))
    return Answer(200, dump(answers))


def main(arguments: list[str]) -> int:
    """Run podinfo; return the exit code."""
    env = dict(os.environ)
    if arguments[:1] == ["--version"]:
        print(env.get("VOLARY_VERSION", "latest"))
        return 0
    try:
        settings = read_settings(arguments, env)
        ports = [int(settings[name]) for name in ("port", "port-metrics")]
        read_faults(settings["fault"])
    except ValueError as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        return 2
    print(json.dumps({"level": "info", "msg": "Starting podinfo", "version": env.get("VOLARY_VERSION")}), flush=True)
    return serve(lambda: Podinfo(settings, env), [port for port in ports if port])
