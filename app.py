"""The Middle Layer: the page. Read it from top to bottom and you have read the product."""

import streamlit as st

from ui import controls, link, lobby, story, style
from ui.carrier import Carrier
from ui.pacer import pacer
from ui.stage import Stage

st.set_page_config("The Middle Layer", layout="wide")

style.apply()
lobby.wait_for_a_seat()
carrier = Carrier()
session = link.open_session(carrier)

stage = Stage(session, carrier)

with pacer.drawing:
    story.heading(session)
    controls.complaints(session)
    stage.lay_out()

stage.live()
