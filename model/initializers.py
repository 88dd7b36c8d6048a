"""The named initializers, on ``keras.initializers``."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from model.experiment import Experiment
from model.network import Tensor, join, tensors_of
from model.state import Float32


def initial_parameters(experiment: Experiment) -> Float32:
    """The flat vector ``[P]`` of parameters that a run of ``experiment`` starts from.

    Each tensor has a seed of its own, derived from the experiment's, so that two experiments of
    one seed share the tensors that they have in common.
    """
    layout = tensors_of(experiment)
    drawn = {
        tensor.name: np.asarray(
            initializer(experiment, tensor, _seed(experiment.seed, index))(tensor.shape),
            np.float32,
        )
        for index, tensor in enumerate(layout)
    }
    return join(drawn, layout)


def initializer(experiment: Experiment, tensor: Tensor, seed: int) -> Any:
    """The Keras initializer of one tensor: the experiment's law for weights, or for biases."""
    if tensor.is_weight:
        if experiment.weights == "normal":
            return keras.initializers.RandomNormal(0.0, experiment.weight_scale, seed=seed)
        if experiment.weights == "zeros":
            return keras.initializers.Zeros()
        # Keras' name for Xavier is that of his first name.
        name = experiment.weights.replace("xavier", "glorot")
        return keras.initializers.get({"class_name": name, "config": {"seed": seed}})
    if experiment.bias == "constant":
        return keras.initializers.Constant(experiment.bias_scale)
    return keras.initializers.RandomNormal(0.0, experiment.bias_scale, seed=seed)


def _seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0])
