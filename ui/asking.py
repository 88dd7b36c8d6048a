"""For whom a worker is asked: the reader whose script this is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from live.fairness import ledger
from live.private import is_there, session_id
from model.line import Asker

_thread = threading.local()


def tell(say: Callable[[int], None] | None) -> None:
    """Have ``say`` told how many are before this reader, whenever this thread waits for workers."""
    _thread.say = say


def asker() -> Asker:
    """The reader whose script runs in this thread; nobody in particular outside of one."""
    session = session_id()
    if not session:
        return Asker()
    say = getattr(_thread, "say", None) or (lambda _: None)
    return Asker(ledger.whose(session), lambda: is_there(session), say)
