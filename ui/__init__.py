"""The page: Streamlit and Altair, no TensorFlow."""
