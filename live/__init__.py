"""Live pages on Streamlit: slots, pacing, presence, jobs, admission. Knows no network."""
