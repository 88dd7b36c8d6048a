"""The numbers behind the page, for notebooks and scripts: no Streamlit, no Altair.

>>> from model import Experiment, Run, diagnose
>>> run = Run(Experiment(layers=3))
>>> run.advance(1_000)
>>> diagnose(run).verdict  # doctest: +SKIP
'asleep'
"""

from model.diagnosis import Diagnosis, diagnose
from model.experiment import PRESETS, Experiment
from model.run import Run

__version__ = "0.1.0"

__all__ = ["PRESETS", "Diagnosis", "Experiment", "Run", "__version__", "diagnose"]
