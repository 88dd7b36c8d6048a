"""The Middle Layer: the page. Read it from top to bottom and you have read the product."""

import streamlit as st

from ui import controls, link, story
from ui.stage import Stage

st.set_page_config("The Middle Layer", layout="wide")

session = link.open_session()

story.heading(session)
controls.complaints(session)

Stage(session).live()
