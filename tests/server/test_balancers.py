"""The balancers' configurations in deploy/, each run before a real server, without any cookie."""

from __future__ import annotations

import io
import json
import os
import shutil
import ssl
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from export.downloads import DOWNLOADS
from harness.servers import ROOT, Server, free_port

DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    return path


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def haproxy(folder: Path, port: int, replicas: list[str]) -> tuple[list[str], dict[str, str]]:
    cert, key = certificate(folder)
    both = folder / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    names = {f"REPLICA_{n}": address for n, address in enumerate(replicas, 1)}
    names |= {"REPLICA_3": f"127.0.0.1:{free_port()}"}
    names |= {"LISTEN": f"127.0.0.1:{port}", "CERTIFICATE": str(both)}
    return [program("haproxy"), "-f", str(DEPLOY / "haproxy.cfg")], names


def nginx(folder: Path, port: int, replicas: list[str]) -> tuple[list[str], dict[str, str]]:
    cert, key = certificate(folder)
    text = (DEPLOY / "nginx" / "middle-layer.conf").read_text()
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


def caddy(folder: Path, port: int, replicas: list[str]) -> tuple[list[str], dict[str, str]]:
    options = "admin off\n auto_https disable_redirects\n skip_install_trust"
    whole = folder / "Caddyfile"
    whole.write_text(f"{{\n {options}\n}}\nimport {DEPLOY / 'caddy' / 'Caddyfile'}\n")
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
def balancing(kind: str, folder: Path, replicas: list[str]) -> Iterator[str]:
    port = free_port()
    begin = {"haproxy": haproxy, "nginx": nginx, "caddy": caddy}[kind]
    command, names = begin(folder, port, replicas)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | names, stdout=log, stderr=log)
    url = f"https://localhost:{port}"
    try:
        for _ in range(200):
            assert process.poll() is None, (folder / "log").read_text()
            if ask(url)[0] == "2 200":
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", params=["haproxy", "nginx", "caddy"])
def balanced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, served: Server
) -> Iterator[str]:
    """A balancer before two servers, of which one is not there."""
    alive = served.url.removeprefix("http://")
    folder = tmp_path_factory.mktemp(request.param)
    with balancing(request.param, folder, [alive, f"127.0.0.1:{free_port()}"]) as url:
        yield url


def test_the_page_comes_compressed_over_http_2_and_sets_no_cookie(balanced: str) -> None:
    for _ in range(10):  # whichever server the balancer tries first
        version, headers, body = ask(balanced, "-H", "Accept-Encoding: br")
        assert version == "2 200"
        assert headers["content-encoding"] == ["br"]
        assert "set-cookie" not in headers
        assert len(body) < 25_000


def untimed(archive: bytes) -> bytes:
    """What is in an archive whose files say when they were written."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        return repr([(each.filename, each.file_size) for each in files.infolist()]).encode()


def test_every_download_arrives_whichever_server_is_asked(balanced: str) -> None:
    for download in DOWNLOADS:
        bodies = set()
        for _ in range(4):
            address = f"{balanced}/download/{download.file}?layers=3&step=300"
            version, headers, body = ask(address, "--retry", "5")
            assert version == "2 200", download.file
            assert "set-cookie" not in headers
            bodies.add(body if download.file != "tensorboard.zip" else untimed(body))
        assert len(bodies) == 1, download.file


def test_a_websocket_is_let_through(balanced: str) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    address = balanced.replace("https:", "wss:") + "/_stcore/stream"
    with connect(address, ssl=trusting, origin=balanced, subprotocols=["streamlit"]) as socket:  # type: ignore[list-item, arg-type]
        assert socket.response is not None
        assert socket.response.status_code == 101


@pytest.mark.parametrize("path", ["metrics", "_stcore/metrics", "healthz", "readyz"])
def test_what_is_for_operators_is_not_for_readers(balanced: str, path: str) -> None:
    assert ask(f"{balanced}/{path}")[0] == "2 404"
