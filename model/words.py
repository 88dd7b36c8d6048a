"""What the fields of an experiment and their options are called, wherever a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    "layers": "Layers",
    "width": "Width",
    "activation": "Activation",
    "weights": "Weights from",
    "weight_scale": "Weights: σ",
    "bias": "Biases from",
    "bias_scale": "Biases: σ or value",
    "objective": "Objective",
    "batch": "Batch",
    "optimizer": "Optimizer",
    "learning_rate": "Learning rate",
    "clip": "Clip gradients at",
    "steps": "Steps",
    "seed": "Seed",
}

OPTIONS: Mapping[str, str] = {
    "normal": "normal N(0, σ)",
    "xavier_uniform": "Xavier uniform",
    "xavier_normal": "Xavier normal",
    "he_uniform": "He uniform",
    "he_normal": "He normal",
    "lecun_normal": "LeCun normal",
    "orthogonal": "orthogonal",
    "zeros": "zeros",
    "constant": "constant",
    "first": "first input",
    "all": "whole batch",
    "relu": "ReLU",
    "leaky_relu": "leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "linear": "linear",
    "sgd": "SGD",
    "momentum": "momentum",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
}
