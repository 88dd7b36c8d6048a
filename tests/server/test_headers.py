"""What every answer carries, what is closed, and what the log does not say."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPMessage

import pytest

from harness.servers import Server
from tests.server.conftest import TOKEN

PATHS = ("/", "/healthz", "/oembed", "/_stcore/health", "/favicon.png", "/nowhere", "/metrics")


def ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, HTTPMessage, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def directives(policy: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in policy.split(";")}


@pytest.mark.parametrize("path", PATHS)
def test_no_answer_lacks_the_security_headers(served: Server, path: str) -> None:
    headers = ask(served.url + path)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert directives(headers["Content-Security-Policy"])["frame-ancestors"] == ["*"]


def test_the_policy_lets_in_no_third_party_and_no_made_up_script(served: Server) -> None:
    policy = directives(ask(served.url)[1]["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    del policy["frame-ancestors"]
    sources = {source for them in policy.values() for source in them}
    scripts = {source for source in sources if source.startswith("'sha256-")}
    assert sources - scripts == {"'none'", "'self'", "'unsafe-inline'", "blob:", "data:"}
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "data:" not in policy["script-src"]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/_stcore/metrics"])
@pytest.mark.parametrize("key", [None, "Bearer ", "Bearer wrong", f"Basic {TOKEN}"])
def test_metrics_are_not_for_those_without_the_token(
    served: Server, path: str, key: str | None
) -> None:
    status, _, body = ask(served.url + path, {"Authorization": key} if key else {})
    assert status == 404
    assert b"middle_layer" not in body
    assert b"session" not in body


def test_metrics_with_the_token_count_what_happens(served: Server) -> None:
    status, _, body = ask(served.url + "/metrics", {"Authorization": f"Bearer {TOKEN}"})
    assert status == 200
    assert b"middle_layer_frames_total" in body
    assert b"middle_layer_queue_length" in body
    status, _, body = ask(served.url + "/_stcore/metrics", {"Authorization": f"Bearer {TOKEN}"})
    assert status == 200


def test_the_log_has_a_line_for_a_request_and_nothing_about_who_made_it(served: Server) -> None:
    before = len(served.log.read_text().splitlines())
    ask(
        f"{served.url}/jane.doe@example.org?token=hunter2",
        {"User-Agent": "Janes-Browser", "Referer": "https://jane.example", "Cookie": "jane=1"},
    )
    lines: list[str] = []
    deadline = time.monotonic() + 10
    while not lines and time.monotonic() < deadline:  # it is written after the answer
        time.sleep(0.05)
        lines = [line for line in served.log.read_text().splitlines()[before:] if line[:1] == "{"]
    assert [json.loads(line)["route"] for line in lines].count("other") == 1
    for secret in ("jane", "hunter2", "127.0.0.1", "Mozilla"):
        assert secret not in "".join(lines).lower()
