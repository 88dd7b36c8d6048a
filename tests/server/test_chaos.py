"""Replicas that die under load, behind the real load balancer; a short form of the benchmark."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from benchmarks.chaos import chaos


def test_readers_whose_replica_dies_go_on_elsewhere_with_the_same_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    fine = asyncio.run(chaos(readers=4, count=2, rounds=["kill", "term"]))
    assert fine, capsys.readouterr().out
