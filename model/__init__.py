"""The numbers behind the page, for notebooks and scripts: no Streamlit, no Altair.

>>> from model import Experiment, Run, diagnose
>>> run = Run(Experiment(layers=3))
>>> run.advance(1_000)
>>> diagnose(run).verdict  # doctest: +SKIP
'asleep'
"""

import os

# Read by TensorFlow when it is imported, by whichever module comes first: say little, and sum in
# the same order on every kind of processor.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

from model.diagnosis import Diagnosis, diagnose
from model.experiment import PRESETS, Experiment
from model.run import Run

__version__ = "1.0.0"

__all__ = ["PRESETS", "Diagnosis", "Experiment", "Run", "__version__", "diagnose"]
