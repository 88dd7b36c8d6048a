"""Whether the reader of this script is still there, and what the browser did.

Together with live/carrier.py all that there is of Streamlit's private side.

The script of a closed tab runs on until the session's time to live, two minutes or more. Streamlit
has no public way to ask; its runtime knows (1.67: ``Runtime.is_active_session``).
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx


def session_id() -> str:
    """The name of this reader's session; empty outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def reader_is_there() -> bool:
    """Whether a browser is connected to this script's session; False outside of a server."""
    return exists() and get_instance().is_active_session(session_id())


def is_there(session: str) -> bool:
    """Whether a browser is connected to the session of that name."""
    return exists() and get_instance().is_active_session(session)


def forget_the_gone() -> int:
    """Let go of sessions whose browsers have been gone for too long to come back; how many.

    Streamlit keeps such a session for ``server.disconnectedSessionTTL`` seconds, and what is older
    until the next one goes (1.67). To be called on the server's event loop.
    """
    if not exists():
        return 0
    manager: Any = get_instance()._session_mgr
    gone = manager._session_storage._cache.expire()
    for _, stored in gone:
        stored.session.shutdown()
    return len(gone)


def went_back() -> bool:
    """Whether the browser's Back or Forward brought about this run of the script."""
    context = get_script_run_ctx(suppress_warning=True)
    return bool(context and context.is_history_navigation)
