"""The verdicts: by construction, against the oracle, and against what the networks do next."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from harness.fates import disagreement, draw, fates
from model.diagnosis import Diagnosis, diagnose
from model.experiment import Experiment
from model.run import Run
from model.state import Snapshots, State
from model.trainer import advance

# Seeds of draws that neither chose the bounds in model.diagnosis nor make the tables of
# docs/verdicts.md.
SAMPLE_SEED = 4_000

KILLED = Experiment(layers=3, bias="constant", bias_scale=-0.1)


def claim(diagnosis: Diagnosis, start: str) -> float:
    """The number of the one claim that begins so."""
    (number,) = [value for text, value in diagnosis.evidence if text.startswith(start)]
    return number


def wander(run: Run, until: int, pace: int = 4) -> list[tuple[int, Diagnosis]]:
    """Verdicts on the way to a step, each a ``pace``-th part further than the one before."""
    found = []
    while run.step < until:
        run.advance(max(1, run.step // pace))
        found.append((run.step, diagnose(run)))
    return found


def test_a_run_that_has_not_begun_has_no_verdict_and_is_not_begun_by_asking() -> None:
    run = Run(Experiment())
    with pytest.raises(LookupError):
        diagnose(run)
    assert not run.begun


def test_a_layer_silenced_by_negative_biases_is_dead_and_never_moves() -> None:
    run = Run.at(KILLED, 0)
    for _ in range(3):
        found = diagnose(run)
        assert found.verdict == "dead"
        assert "hidden layer 2" in found.sentence
        assert claim(found, "tensors that no gradient") == 4
        run.advance(500)
    begun = Run.at(KILLED, 0)
    for name in ("W", "b", "W1", "b1"):
        assert (run.parameters[name] == begun.parameters[name]).all()


@pytest.mark.parametrize(("optimizer", "rate"), [("momentum", 0.1), ("adam", 0.3), ("adamw", 0.3)])
def test_a_silent_layer_is_dead_once_the_optimizers_memory_has_faded(
    optimizer: str, rate: float
) -> None:
    # Far too long steps silence it on the way.
    run = Run.at(
        Experiment(
            layers=3,
            weights="xavier_uniform",
            bias_scale=0.1,
            optimizer=optimizer,
            learning_rate=rate,
            seed=1,
        ),
        0,
    )
    verdicts = [found.verdict for _, found in wander(run, 20_000)]
    assert verdicts[0] != "dead"
    assert set(verdicts[verdicts.index("dead") :]) == {"dead"}
    silent = next(step for step in run.history.steps if max(run.history.at(step).silent) == 16)
    assert diagnose(run, int(silent)).verdict != "dead"
    (fate,) = fates([run], range(run.step, run.step + 2_001, 100))
    assert disagreement(diagnose(run), fate) is None


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_zeros_everywhere_are_dead_and_stay_zero(activation: str) -> None:
    zeros = Experiment(
        layers=3, weights="zeros", bias="constant", bias_scale=0, activation=activation
    )
    run = Run.at(zeros, 1_000)
    assert diagnose(run).verdict == "dead"
    assert not any(run.parameters[name].any() for name in ("W", "b", "W1", "b1", "W2"))


def test_zero_weights_never_break_symmetry_and_the_evidence_says_so() -> None:
    zeros = Experiment(
        layers=3, weights="zeros", bias="constant", bias_scale=0.1, learning_rate=1e-2
    )
    for _, found in wander(Run.at(zeros, 0), 5_000):
        assert found.verdict != "dead"
        assert claim(found, "different units in hidden layer 1") == 1
        assert claim(found, "different units in hidden layer 2") == 1


def test_a_unit_that_lives_between_the_probe_inputs_is_not_overlooked() -> None:
    experiment = Experiment(layers=3, bias="constant", bias_scale=0.0, learning_rate=1e-6)
    begun, seen = advance(experiment, None, 0)
    w = Run.at(experiment, 0).parameters
    for array in w.values():
        array[:] = 0
    # A tent over 0.01 to 0.04, where no probe input lies: its feet are three ReLUs.
    w["W"][0, :3] = 1
    w["b"][:3] = -0.01, -0.025, -0.04
    w["W1"][:3, 0] = 1, -2, 1
    w["b1"][:] = -0.001
    w["W2"][:] = 1
    vector = np.concatenate([array.ravel() for array in w.values()])

    def from_there(e: Experiment, state: State | None, steps: int) -> tuple[State, Snapshots]:
        if state is not None:
            return advance(e, state, steps)
        nothing = np.zeros_like(seen.gradients)
        at_zero = replace(seen, values=vector[None], gradients=nothing, squares=0 * seen.squares)
        return replace(begun, parameters=vector), at_zero

    run = Run(experiment, from_there)
    run.advance(0)
    assert diagnose(run).verdict == "asleep"  # silent at all 41 probe inputs
    assert run.history.at(0).silent[1] == 16
    run.advance(2_000)
    assert run.history.tensors["W"].rms.any()
    assert diagnose(run).verdict != "dead"


def test_three_layers_of_the_question_are_asleep_with_the_gradients_to_prove_it() -> None:
    run = Run.at(Experiment(layers=3), 10_000)
    found = diagnose(run)
    assert found.verdict == "asleep"
    assert found.wakes_at is None
    assert found.growth is None
    answers = run.estimate(np.linspace(-1, 1, 41))
    assert claim(found, "the estimate moves") == pytest.approx(float(np.ptp(answers)))
    ratio = claim(found, "gradient of W as a share")
    assert 1e-4 < ratio < 1e-2
    assert f"pulled {1 / ratio:,.0f} times more weakly than the last" in found.sentence
    assert found.sentence.startswith(f"Asleep. It answers {np.median(answers):.2f} to every input.")


def test_a_healthy_network_that_is_flat_still_is_not_called_ill() -> None:
    run = Run.at(Experiment(), 0)
    assert diagnose(run).word == "Not trained yet"
    for _ in range(20):
        run.advance(100)
        assert (diagnose(run).verdict, diagnose(run).word) == ("asleep", "Flat so far")


def test_what_is_said_of_an_error_is_what_numpy_makes_of_it() -> None:
    run = Run.at(Experiment(layers=3, weights="xavier_uniform", bias_scale=0.1), 10_000)
    inputs = np.linspace(-1, 1, 41)
    error = np.square(run.estimate(inputs) - inputs).mean()
    # The mean square of what is uniform on [-1, 1] is 1/3.
    assert f"error is {1 / 3 / error:,.0f} times smaller than" in diagnose(run).sentence


def test_xavier_has_learned_after_ten_thousand_steps_and_not_before_the_first() -> None:
    run = Run.at(Experiment(layers=3, weights="xavier_uniform", bias_scale=0.1), 10_000)
    assert diagnose(run).verdict == "learned"
    assert diagnose(run, 0).verdict == "learning"


def test_a_learning_rate_of_ten_diverges_at_the_step_that_is_named() -> None:
    run = Run.at(Experiment(weights="xavier_uniform", learning_rate=10, clip=0), 1_000)
    found = diagnose(run)
    assert run.status == found.verdict == "diverged"
    assert f"step {run.step}" in found.sentence
    assert diagnose(run, 0).verdict != "diverged"


def test_the_wake_up_is_foretold_within_a_factor_two_and_only_when_it_can_be() -> None:
    run = Run.at(Experiment(layers=3, weight_scale=1e-2, bias_scale=1e-2), 1)
    found = wander(run, 100_000, pace=16)
    awake = next(step for step, d in found if d.verdict in ("learning", "learned"))
    said = [(step, d.wakes_at) for step, d in found if d.wakes_at is not None]
    assert len(said) > 5
    for step, (early, guess, late) in said:
        assert step <= early <= guess <= late
        assert awake / 2 < guess < awake * 2
    verdicts = [d.verdict for _, d in found]
    assert verdicts[0] == "asleep"
    assert verdicts[-1] == "learned"
    growths = [d.growth for _, d in found if d.verdict == "waking"]
    assert len(growths) == len(said)
    # It begins slowly, and near the end grows many times faster.
    assert 1 < growths[0] < growths[-1]


def test_dead_is_final() -> None:
    generator = np.random.default_rng(SAMPLE_SEED)
    for _ in range(25):
        one = draw(generator, layers=3)
        found = wander(Run.at(replace(one, activation="relu", optimizer="sgd"), 0), 5_000)
        verdicts = [d.verdict for _, d in found]
        dead = [i for i, verdict in enumerate(verdicts) if verdict == "dead"]
        assert not dead or set(verdicts[dead[0] :]) == {"dead"}, one


def test_at_least_nine_in_ten_verdicts_come_true_in_the_hands_of_the_oracle() -> None:
    generator = np.random.default_rng(SAMPLE_SEED)
    optimizers = ("sgd", "sgd", "adam")
    drawn = [
        replace(draw(generator, layers=3), activation="relu", objective="first", batch=1)
        for _ in range(60)
    ]
    drawn = [replace(e, optimizer=optimizers[i % 3]) for i, e in enumerate(drawn)]
    runs = [run for run in (Run.at(e, 2_000) for e in drawn) if run.diverged is None]
    seen = fates(runs, range(2_000, 20_001, 250))
    wrong = [
        (run.experiment, why)
        for run, fate in zip(runs, seen, strict=True)
        if (why := disagreement(diagnose(run), fate)) is not None
    ]
    assert len(runs) > 50
    assert len({diagnose(run).verdict for run in runs}) >= 4
    assert len(wrong) <= len(runs) // 10, wrong


def test_a_look_back_says_what_was_said_at_the_time() -> None:
    run = Run.at(Experiment(layers=3, weights="xavier_uniform", bias_scale=0.1), 0)
    then = {}
    for _ in range(5):
        run.advance(320)
        then[run.step] = diagnose(run)
    assert len({d.sentence for d in then.values()}) > 1
    # From 801 steps on every sixteenth step is remembered: the same up to 1,600.
    for step in (960, 1_280, 1_600):
        assert diagnose(run, step) == then[step]


def test_asking_leaves_the_run_alone() -> None:
    run = Run.at(Experiment(layers=3), 500)
    before, steps = run.state, run.history.steps.copy()
    diagnose(run)
    diagnose(run, 100)
    assert run.state is before
    assert (run.history.steps == steps).all()


def test_a_verdict_needs_no_tensorflow() -> None:
    code = "import model.diagnosis, model.chain, sys; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
