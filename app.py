"""The Middle Layer: the page. Read it from top to bottom and you have read the product."""

import streamlit as st

from live import admission, guard, private
from live.carrier import Carrier
from live.pacer import pacer
from live.settings import SETTINGS
from model.workers import employ
from ui import asking, browser, controls, link, share, story, style
from ui.stage import Stage

st.set_page_config("The Middle Layer", layout="wide")

guard.install()
employ(SETTINGS.workers, SETTINGS.memory, asking.asker)
style.apply()
admission.wait_for_a_seat()
carrier = Carrier()
session = link.open_session(carrier)

stage = Stage(session, carrier)

stage.train_first()
with pacer.answering, private.together():
    story.heading(session)
    controls.complaints(session)
    with style.figure():
        stage.words()
        stage.network()
        stage.estimate()
        controls.show(session)
        share.way_out(session)
        stage.progress()
        share.at_once(session)
        stage.verdict()
        stage.gradients()
    stage.panel()
    if not st.context.is_embedded:
        stage.curves()
        stage.evidence()
        share.show(session)
    browser.show()
    stage.close()

stage.live()
