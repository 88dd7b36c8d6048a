"""The slow road is as slow as it says."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.road import Rates, Road


@contextmanager
def echo() -> Iterator[int]:
    """A server that sends back what it gets."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65_536):
                connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def seconds_there_and_back(port: int, size: int) -> float:
    with socket.create_connection(("127.0.0.1", port)) as client:
        began, left = time.monotonic(), size
        threading.Thread(target=client.sendall, args=(bytes(size),), daemon=True).start()
        while left:
            left -= len(client.recv(65_536))
        return time.monotonic() - began


def test_a_road_takes_its_round_trip_and_no_more_than_its_rate_and_counts() -> None:
    # No upper bounds: a machine that others share can be slower, and never faster.
    with echo() as port, Road(port, Rates(round_trip=200)) as road:
        assert seconds_there_and_back(road.port, 1) >= 0.4  # the handshake as well
        assert road.carried() == (1, 1)
    with echo() as port, Road(port, Rates(down=400, up=0)) as road:
        assert seconds_there_and_back(road.port, 50_000) >= 0.9  # a second
        assert road.carried() == (50_000, 50_000)
