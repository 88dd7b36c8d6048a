"""The balancers' configurations in deploy/, run as they are before servers on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness import Missing
from harness.servers import ROOT, free_port

BALANCERS = ("haproxy", "nginx", "caddy")

_DEPLOY = ROOT / "deploy"

# Tenths of a second in which one has to stand.
_ATTEMPTS = 200


def program(name: str) -> str:
    """Where a program lies.

    Raises
    ------
    Missing
        If it is nowhere.
    """
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def _haproxy(folder: Path, port: int, replicas: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    cert, key = _certificate(folder)
    both = folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    # The file names three: what is missing is a port that nobody listens on.
    addresses = [*replicas, *(f"127.0.0.1:{free_port()}" for _ in replicas)][:3]
    names = {f"REPLICA_{n}": address for n, address in enumerate(addresses, 1)}
    names |= {"LISTEN": f"127.0.0.1:{port}", "CERTIFICATE": str(both)}
    return [program("haproxy"), "-f", str(_DEPLOY / "haproxy.cfg")], names


def _nginx(folder: Path, port: int, replicas: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    cert, key = _certificate(folder)
    text = (_DEPLOY / "nginx" / "middle-layer.conf").read_text()
    for written, meant in {
        "127.0.0.1:8501": replicas[0],
        "127.0.0.1:8502": replicas[1],
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443": f"listen 127.0.0.1:{port}",
        "page.example.org;": "localhost;",
        "/etc/ssl/page.example.org.pem": str(cert),
        "/etc/ssl/page.example.org.key": str(key),
    }.items():
        assert written in text
        text = text.replace(written, meant)
    temporary = " ".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"pid {folder}/pid; events {{}} http {{ access_log off; {temporary}\n{text}}}"
    (folder / "nginx.conf").write_text(whole)
    command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return [*command, "-e", "stderr", "-g", "daemon off;"], {}


def _caddy(folder: Path, port: int, replicas: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    options = "admin off\n auto_https disable_redirects\n skip_install_trust"
    whole = folder / "Caddyfile"
    whole.write_text(f"{{\n {options}\n}}\nimport {_DEPLOY / 'caddy' / 'Caddyfile'}\n")
    names = {"SITE": f"localhost:{port}", "REPLICAS": " ".join(replicas), "HOME": str(folder)}
    names |= {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    return [program("caddy"), "run", "--config", str(whole), "--adapter", "caddyfile"], names


def ask(url: str, *options: str) -> tuple[str, dict[str, list[str]], bytes]:
    """Version and status, headers, and the body as it came over the wire."""
    command = [program("curl"), "-sk", "--http2", "--max-time", "60", *options, url]
    told = "\n%{http_version} %{http_code}\n%{header_json}"
    done = subprocess.run([*command, "-w", told], capture_output=True, check=False)
    body, _, rest = done.stdout.rpartition(b"\n{")
    body, _, version = body.rpartition(b"\n")
    return version.decode(), json.loads(b"{" + rest) if rest else {}, body


@contextmanager
def balancing(kind: str, folder: Path, replicas: Sequence[str]) -> Iterator[str]:
    """One of :data:`BALANCERS` before two replicas (host and port); the address readers use.

    The certificate is its own, so nobody believes it.
    """
    port = free_port()
    begin = {"haproxy": _haproxy, "nginx": _nginx, "caddy": _caddy}[kind]
    command, names = begin(folder, port, replicas)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | names, stdout=log, stderr=log)
    url = f"https://localhost:{port}"
    try:
        for _ in range(_ATTEMPTS):
            if process.poll() is not None:
                raise RuntimeError((folder / "log").read_text())
            if ask(url)[0] == "2 200":
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
