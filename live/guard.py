"""What anybody can send to Streamlit, and what it must not bring about.

Private ground (Streamlit 1.67): two places in which what a stranger says has the server do what
nobody wants. Both can be done without on an upgrade: then a bad value is a traceback in the log,
and a foreign ``Origin`` a look for a name.
"""

from __future__ import annotations

import logging
from typing import Any

from live.private import (
    SessionState,
    WidgetMetadata,
    WidgetState,
    WidgetStates,
    net_util,
    unpack_widget_state_value,
)

logger = logging.getLogger("middle_layer.guard")

_take = SessionState.set_widgets_from_proto


def install() -> None:
    """See to both; again and again is once."""
    # Asked for by every answer to a foreign Origin: from a service on the internet, by name, while
    # everybody waits. This is an address that it takes for its own in any case.
    net_util._external_ip = "0.0.0.0"
    SessionState.set_widgets_from_proto = _take_sound_ones  # type: ignore[method-assign]


def _take_sound_ones(self: SessionState, widget_states: WidgetStates) -> None:
    """Widgets' values from the browser; those that a widget cannot have are as if not sent."""
    known = self._new_widget_state.widget_metadata
    unsound = [each.id for each in widget_states.widgets if not _is_sound(each, known)]
    if unsound:
        sound = [each for each in widget_states.widgets if each.id not in unsound]
        widget_states = WidgetStates(widgets=sound)
    _take(self, widget_states)


def _is_sound(state: WidgetState, known: dict[str, WidgetMetadata[Any]]) -> bool:
    metadata = known.get(state.id)
    kind = state.WhichOneof("value")
    if metadata is None or kind is None:
        return True
    if kind != metadata.value_type:
        logger.warning("dropped a value of a kind that its widget does not have")
        return False
    try:
        metadata.deserializer(unpack_widget_state_value(state))
    except Exception as error:
        logger.warning("dropped a value that its widget cannot have: %s", type(error).__name__)
        return False
    return True
