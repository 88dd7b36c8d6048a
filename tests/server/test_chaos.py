"""Replicas that die under load, behind the real load balancer; a short form of the benchmark."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.chaos import chaos
from harness.servers import Server


def test_readers_whose_replica_dies_go_on_elsewhere_with_the_same_numbers(
    served: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fine = asyncio.run(chaos(4, 2, ["kill", "term"], served.url, trained=3))
    assert fine, capsys.readouterr().out
