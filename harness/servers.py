"""Servers on loopback for the benchmarks and the tests, each in processes of its own."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent

_SECONDS_TO_WARM = 120.0

# As in the container.
ENVIRONMENT = {
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1",
    "PYTHONMALLOC": "malloc",
    "PYTHONUNBUFFERED": "1",
}

# Put before everything else that Python imports: names lead nowhere, and never come to an end.
_DEAD_RESOLVER = """
import socket, sys, time
plain = socket.getaddrinfo
def dead(host, *rest, **named):
    try:
        socket.inet_aton(str(host))
    except OSError:
        if host not in (None, "", "localhost"):
            print("looked for a name", file=sys.stderr, flush=True)
            time.sleep(600)
    return plain(host, *rest, **named)
socket.getaddrinfo = dead
"""

#: A balancer on loopback has a certificate of its own making.
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


@dataclass
class Server:
    """``streamlit run server.py`` on a port of its own."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def family(self) -> list[psutil.Process]:
        """The server itself, and then its workers."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def complaints(self) -> list[str]:
        """The lines of the log that are no request and no greeting."""
        lines = self.log.read_text(errors="replace").splitlines()
        greetings = ("You can now view", "URL: ", "Uvicorn server started")
        return [
            line
            for line in map(str.strip, lines)
            if line and not line.startswith("{") and not any(words in line for words in greetings)
        ]

    def wait_until_ready(self, seconds: float = _SECONDS_TO_WARM) -> None:
        """Wait for ``/readyz``; raise ``RuntimeError`` with the log when it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if status(f"{self.url}/readyz") == 200:
                return
            time.sleep(0.2)
        raise RuntimeError(f"the server is not ready:\n{self.log.read_text(errors='replace')}")

    def end(self) -> None:
        """End the server and the workers that it started, by their process ids."""
        family = self.family[1:] if self.process.poll() is None else []
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for orphan in psutil.wait_procs(family, timeout=5)[1]:
            orphan.kill()


def status(url: str, seconds: float = 1.0) -> int:
    """The status of a request, 0 when nobody answers within ``seconds``."""
    try:
        with urllib.request.urlopen(url, timeout=seconds, context=TRUSTING) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What the processes have computed so far; one that is gone counts nothing."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:2])
    return seconds


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    log: Path, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Server:
    """Start a server; it is not ready yet."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "server.py"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    # Plain tracebacks: a drawn one cannot be told from a hundred other lines.
    command += ["--server.headless", "true", "--logger.enableRich", "false"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(f"http://127.0.0.1:{port}", process, log)


@contextmanager
def serving(log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that is ready, ended at the end."""
    server = start(log, environment=environment)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


@contextmanager
def serving_without_names(log: Path) -> Iterator[Server]:
    """A server whose resolver never answers; each name that it looks for stands in its log."""
    site = log.parent / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(_DEAD_RESOLVER)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    with serving(log, {"PYTHONPATH": path}) as server:
        yield server
