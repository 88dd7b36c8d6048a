"""The update rules against the optimizers of Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.experiment import OPTIMIZERS as NAMES
from model.optimizers import OPTIMIZERS

KERAS: Mapping[str, Callable[[float], Any]] = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
}


def test_every_optimizer_that_can_be_chosen_has_a_rule_and_an_oracle() -> None:
    assert tuple(OPTIMIZERS) == NAMES == tuple(KERAS)


@pytest.mark.parametrize("rate", [1e-3, 1e-1])
@pytest.mark.parametrize("name", NAMES)
def test_a_hundred_updates_are_those_of_keras(name: str, rate: float) -> None:
    generator = np.random.default_rng(5)
    # Gradients as a deep network has them: entries between a millionth and ten, and exact zeros.
    size = 50
    scale = 10.0 ** np.linspace(-6, 1, size)
    scale[::10] = 0
    gradients = (scale * generator.normal(size=(100, size))).astype(np.float32)
    w = tf.constant(generator.normal(size=size), tf.float32)
    variable = tf.Variable(w)
    rule, theirs = OPTIMIZERS[name], KERAS[name](rate)
    constants = tf.constant(rule.constants, tf.float32)
    slots = [tf.zeros([size])] * rule.slots
    for step, gradient in enumerate(gradients):
        w, slots = rule.update(
            w, tf.constant(gradient), slots, tf.constant(step), tf.constant(rate), constants
        )
        theirs.apply([gradient], [variable])
        assert len(slots) == rule.slots
        np.testing.assert_allclose(
            w.numpy(), variable.numpy(), rtol=1e-6, atol=1e-6, err_msg=f"step {step}"
        )
