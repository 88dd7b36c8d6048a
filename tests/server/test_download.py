"""Files to take home, each with an address that any server answers."""

from __future__ import annotations

import asyncio
import io
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage

import numpy as np
import pandas as pd
import pytest
from starlette.requests import Request

from export.downloads import EXPORTS, Take
from harness.servers import Server
from model import Experiment, Run
from model.run import in_process
from model.workers import TooLittleMemory
from serving import download as module


def ask(url: str) -> tuple[int, bytes, HTTPMessage]:
    for _ in range(10):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503 or "Retry-After" not in error.headers:
                    return error.code, error.read(), error.headers
    raise AssertionError(f"busy all the time: {url}")


@pytest.mark.parametrize("file", [export.file for export in EXPORTS])
def test_every_file_has_an_address_and_is_kept_by_caches(served: Server, file: str) -> None:
    status, body, headers = ask(f"{served.url}/download/{file}?layers=3&step=300")
    assert status == 200
    assert len(body) > 50
    assert headers["Content-Disposition"] == f'attachment; filename="middle-layer-{file}"'
    assert headers["Cache-Control"] == "public, max-age=86400"
    assert "Set-Cookie" not in headers
    assert ask(f"{served.url}/download/{file}?layers=3&step=300")[1] == body


def test_a_file_holds_the_run_of_its_link_at_its_step(served: Server) -> None:
    body = ask(f"{served.url}/download/run.npz?layers=3&step=300")[1]
    run = Run(Experiment(layers=3))
    run.advance(300)
    with np.load(io.BytesIO(body)) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    for name, values in run.parameters.items():
        np.testing.assert_array_equal(found[name][-1], values)


def test_a_link_without_a_step_is_the_whole_run(served: Server) -> None:
    body = ask(f"{served.url}/download/run.csv?layers=3&steps=700")[1]
    assert pd.read_csv(io.BytesIO(body))["step"].max() == 700


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nothing.exe", 404, b"run.csv"),
        ("..%2fserver.py", 404, b""),
        ("run.csv?layers=8&width=64&batch=256&steps=5000000", 422, b"takes too long"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_reason(
    served: Server, path: str, status: int, said: bytes
) -> None:
    found, body, _ = ask(f"{served.url}/download/{path}")
    assert (found, said in body) == (status, True)


def test_what_cannot_be_read_in_a_link_does_no_harm(served: Server) -> None:
    status, body, _ = ask(f"{served.url}/download/cite.txt?layers=%00&seed=<script>&step=5")
    assert status == 200
    assert b"script" not in body


def test_what_there_is_no_memory_for_is_said_and_not_tried_again_by_everybody_who_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[str] = []

    class Pool:
        advance = staticmethod(in_process)

        def seconds_per_step(self, _: Experiment) -> None: ...

        def call(self, make: Callable[[Take], object], _: Take) -> bytes:
            tries.extend(export.file for export in EXPORTS if export.make == make)
            raise TooLittleMemory("the system ended it")

    monkeypatch.setattr(module, "workers_for", lambda _: Pool())
    monkeypatch.setattr(module, "heavy_workers", Pool)
    monkeypatch.setattr(module, "_refused", {})
    asked = Request(
        {
            "type": "http",
            "scheme": "http",
            "server": ("localhost", 80),
            "path": "/download/poster.png",
            "path_params": {"file": "poster.png"},
            "query_string": b"layers=3&step=10",
            "headers": [],
        }
    )
    for _ in range(3):
        answer = asyncio.run(module.download(asked))
        assert (answer.status_code, "Refresh" in answer.headers) == (503, False)
        assert b"too little memory" in answer.body
    assert tries == ["poster.png"]
