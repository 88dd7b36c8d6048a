"""What goes over the page's websocket: bundles to who asks for them, single messages to others."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from harness.reader import unbundled
from harness.servers import Server
from live.progress import ENDS
from serving.sockets import BUNDLES, bundle

# Only a server that hangs takes as long.
PATIENCE = 60.0


def _ends(message: ForwardMsg) -> bool:
    return message.WhichOneof("type") == "script_finished"


async def first_run(served: Server, query: str) -> tuple[list[list[ForwardMsg]], str]:
    """The messages of a run of the script, as they come together; and the extension agreed on."""
    address = f"ws://{urlsplit(served.url).netloc}/_stcore/stream{query}"
    pieces: list[list[ForwardMsg]] = []
    async with connect(
        address, subprotocols=[Subprotocol("streamlit")], proxy=None, max_size=None
    ) as socket:
        await socket.send(BackMsg(rerun_script=ClientState()).SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not pieces or not any(map(_ends, pieces[-1])):
                data = await socket.recv()
                assert isinstance(data, bytes)
                pieces.append([ForwardMsg.FromString(each) for each in unbundled(data)])
        assert socket.response is not None
        # The next run may have begun in the last bundle.
        while not _ends(pieces[-1][-1]):
            pieces[-1].pop()
        return pieces, socket.response.headers["Sec-WebSocket-Extensions"]


def test_only_who_asks_for_bundles_gets_them(served: Server) -> None:
    pieces, _ = asyncio.run(first_run(served, ""))
    assert all(len(each) == 1 for each in pieces)
    bundles, _ = asyncio.run(first_run(served, f"?{BUNDLES}"))
    messages, same = ([m for piece in found for m in piece] for found in (pieces, bundles))
    assert len(bundles) < len(same) / 4
    kinds = [[m.WhichOneof("type") for m in found] for found in (messages, same)]
    assert set(kinds[0]) == set(kinds[1])
    assert abs(len(kinds[0]) - len(kinds[1])) < len(kinds[0]) / 2


def test_a_frame_is_on_its_way_once_its_last_message_is_there(served: Server) -> None:
    async def frames() -> list[list[bool]]:
        """Of each bundle in training, which of its messages end a frame; six frames."""
        address = f"ws://{urlsplit(served.url).netloc}/_stcore/stream?{BUNDLES}"
        found: list[list[bool]] = []
        async with connect(
            address, subprotocols=[Subprotocol("streamlit")], proxy=None, max_size=None
        ) as socket:
            asked = BackMsg(rerun_script=ClientState(query_string="layers=3&train=1"))
            await socket.send(asked.SerializeToString())
            async with asyncio.timeout(PATIENCE):
                while sum(map(any, found)) < 6:
                    data = await socket.recv()
                    assert isinstance(data, bytes)
                    messages = map(ForwardMsg.FromString, unbundled(data))
                    found.append([ENDS in m.delta.new_element.html.body for m in messages])
        return found

    assert not any(any(each[:-1]) for each in asyncio.run(frames()))


def test_what_is_sent_is_compressed_beside_a_whole_frame(served: Server) -> None:
    # No bound on the server's window: 32 KiB, which is more than a frame.
    _, extension = asyncio.run(first_run(served, f"?{BUNDLES}"))
    assert extension.startswith("permessage-deflate")
    assert "server_max_window_bits" not in extension


@pytest.mark.parametrize("sizes", [[1], [0, 5], [1, 2, 70_000, 0]])
def test_a_bundle_opens_to_what_was_put_in(sizes: list[int]) -> None:
    messages = [bytes([10]) * size for size in sizes]
    assert list(unbundled(bundle(messages))) == messages
    assert list(unbundled(b"\n\x03abc")) == [b"\n\x03abc"]
