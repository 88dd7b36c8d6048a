"""The numbers behind the page, for notebooks and scripts: no Streamlit, no Altair.

>>> from model import Experiment, Run
>>> run = Run(Experiment(layers=3))
>>> run.advance(1_000)
>>> run.loss  # doctest: +SKIP
"""

from model.experiment import PRESETS, Experiment
from model.run import Run

__version__ = "0.1.0"

__all__ = ["PRESETS", "Experiment", "Run", "__version__"]
