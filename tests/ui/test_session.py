"""A reader's session: two lanes that never part, and every button does what it says."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import Any

import numpy as np
import pytest

from live.pacer import MOST_FRAMES, Turn
from live.room import Room
from model import PRESETS, Experiment, Run
from model.link import Link
from model.state import Snapshots, State
from model.workers import WorkerError, Workers
from ui.session import FIRST, SECOND, SPEEDS, Session

TURN = Turn(at=0.0, training=0.04)

# Diverges after a few hundred steps; a second lane beside it would go on.
DIVERGING = Experiment(
    layers=8, weights="xavier_uniform", optimizer="adam", learning_rate=10, clip=0
)


def trained(session: Session, frames: int = 10_000) -> Session:
    """Frame after frame, until there is nothing to train any more."""
    for _ in range(frames):
        if not session.busy:
            return session
        session.advance(TURN)
        assert_together(session)
    return session


def assert_together(session: Session) -> None:
    assert len({run.step for run in session.runs.values()}) == 1


def assert_same(one: Run, other: Run) -> None:
    for a, b in zip(astuple(one.state), astuple(other.state), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.history.steps, other.history.steps)


def opened(pool: Workers, **fields: Any) -> Session:
    session = Session(Link(**fields), pool)
    session.begin()
    return session


def test_a_large_network_for_which_there_is_no_room_is_told_so_and_small_ones_train(
    pool: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.session.room", Room(4 * 2**20))
    large = Experiment(layers=8, width=64)
    session = opened(pool, experiment=large)
    assert not session.begun
    assert session.error is not None
    assert "choose fewer layers or units" in session.error
    session.change(Experiment(steps=100), None)
    session.play()
    trained(session)
    assert (session.step, session.error) == (100, None)


def test_play_trains_to_the_end_and_then_rests(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=1_234))
    assert not session.busy
    session.play()
    trained(session)
    assert (session.step, session.over, session.playing) == (1_234, True, False)
    assert_same(session.run, Run.at(Experiment(), 1_234, pool.advance))


def test_two_lanes_stand_at_the_same_step_whatever_their_cost(pool: Workers) -> None:
    session = opened(
        pool,
        experiment=Experiment(steps=3_000),
        versus=Experiment(layers=8, optimizer="adam", steps=3_000),
    )
    session.speed = SPEEDS[-1]
    session.play()
    assert trained(session).step == 3_000


@pytest.mark.parametrize("lane", [FIRST, SECOND])
def test_where_one_lane_diverges_the_other_stops_at_the_very_same_step(
    pool: Workers, lane: str
) -> None:
    calm = replace(DIVERGING, learning_rate=1e-3)
    first, second = (DIVERGING, calm) if lane == FIRST else (calm, DIVERGING)
    session = opened(pool, experiment=first, versus=second, train=True)
    session.speed = 1_000
    trained(session)
    assert session.runs[lane].status == "diverged"
    assert 0 < session.step < session.end
    assert session.over
    other = session.runs[SECOND if lane == FIRST else FIRST]
    assert_same(other, Run.at(calm, session.step, pool.advance))


def test_lanes_stay_together_when_the_worker_is_lost_between_them(pool: Workers) -> None:
    class Failing(Workers):
        """Answers as the pool does, but loses its worker in the second lane, once."""

        def __init__(self) -> None:  # it has no processes of its own
            self.lost = False

        def advance(
            self, experiment: Experiment, state: State | None, steps: int
        ) -> tuple[State, Snapshots]:
            if steps and experiment.layers == 3 and not self.lost:
                self.lost = True
                raise WorkerError("the worker process died 3 times over this job")
            return pool.advance(experiment, state, steps)

        def seconds_per_step(self, experiment: Experiment) -> float | None:
            return pool.seconds_per_step(experiment)

    session = Session(Link(Experiment(), Experiment(layers=3)), Failing())
    session.begin()
    session.play()
    session.advance(TURN)
    assert not session.playing
    assert "died 3 times" in str(session.error)
    session.play()
    assert session.error is None
    for _ in range(3):
        session.advance(TURN)
    assert_together(session)
    assert_same(session.runs[SECOND], Run.at(Experiment(layers=3), session.step, pool.advance))


def test_a_link_with_a_step_is_caught_up_with_and_rests_there(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(layers=3), versus=Experiment(), step=2_345)
    assert session.catching_up
    trained(session)
    assert (session.step, session.playing, session.busy) == (2_345, False, False)
    assert_same(session.run, Run.at(Experiment(layers=3), 2_345, pool.advance))


def test_a_link_that_names_a_step_beyond_the_end_stops_at_the_end(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=50), step=5_000_000)
    assert trained(session).step == 50


def test_a_link_that_trains_goes_on_from_its_step(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=400), step=200, train=True)
    assert trained(session).step == 400


def test_step_trains_one_step_and_stands_there(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=3))
    for expected in (1, 2, 3, 3):
        session.step_once()
        assert trained(session).step == expected
        assert not session.playing
    assert_same(session.run, Run.at(Experiment(), 3, pool.advance))


def test_pause_stops_playing_catching_up_and_replaying(pool: Workers) -> None:
    session = opened(pool, step=5_000, train=True)
    session.advance(TURN)
    session.pause()
    assert not session.busy
    session.replay()
    session.pause()
    assert not session.replaying


def test_after_a_pause_training_goes_on_at_its_speed_and_does_not_jump(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=1_000_000), train=True)
    session.speed = 10
    session.advance(TURN)
    session.pause()
    session._last_advance -= 1.0  # a second goes by
    session.play()
    before = session.step
    session.advance(TURN)
    assert session.step - before == 10


def test_a_frame_that_comes_late_carries_the_steps_of_those_that_were_missed(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=1_000_000), train=True)
    session.speed = 10
    session.advance(TURN)
    session._last_advance -= 0.5
    before = session.step
    session.advance(TURN)
    assert 10 * MOST_FRAMES / 2 <= session.step - before < 10 * MOST_FRAMES * 1.6


def test_no_frame_trains_longer_than_its_turn_allows(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(layers=8, steps=5_000_000), train=True)
    session.speed = SPEEDS[-1]
    session.advance(TURN)  # now it is known what a step costs
    cost = pool.seconds_per_step(session.run.experiment)
    assert cost is not None
    before = session.step
    session.advance(TURN)
    assert session.step - before <= max(1, TURN.training / cost)


def test_reset_keeps_the_initial_weights_and_new_seed_draws_others(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(seed=4), versus=Experiment(seed=4, layers=3))
    initial = session.run.state.parameters.copy()
    session.step_once()
    trained(session)
    session.reset()
    session.begin()
    assert session.step == 0
    np.testing.assert_array_equal(session.run.state.parameters, initial)
    session.new_seed()
    session.begin()
    assert {run.experiment.seed for run in session.runs.values()} == {5}
    assert (session.run.state.parameters != initial).any()


def test_there_is_a_seed_after_the_last_one(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(seed=2**31 - 1))
    session.new_seed()
    assert session.run.experiment.seed == 0


@pytest.mark.parametrize("steps", [5_000, 300])
def test_a_run_whose_number_of_steps_alone_changes_stays_where_it_is(
    pool: Workers, steps: int
) -> None:
    first, second = Experiment(), Experiment(layers=3)
    session = trained(opened(pool, experiment=first, versus=second, step=700))
    session.change(replace(first, steps=steps), replace(second, steps=steps))
    trained(session)
    assert session.step == min(700, steps)
    assert not session.playing
    assert_same(session.run, Run.at(first, session.step, pool.advance))


def test_any_other_change_begins_anew_and_goes_on_training_if_it_was(pool: Workers) -> None:
    session = opened(pool, train=True)
    session.advance(TURN)
    session.change(Experiment(learning_rate=0.01), None)
    assert (session.step, session.playing, session.begun) == (0, True, False)


def test_comparing_sets_a_network_of_another_depth_beside_the_first(pool: Workers) -> None:
    for layers, other in ((2, 3), (8, 7)):
        session = opened(pool, experiment=Experiment(layers=layers), chapter="learns")
        session.compare(True)
        assert session.link.versus == Experiment(layers=other)
        assert session.link.chapter is None
        session.compare(False)
        assert list(session.runs) == [FIRST]


def test_looking_back_shows_what_the_run_remembers_and_the_latest_step_is_now(
    pool: Workers,
) -> None:
    session = trained(opened(pool, versus=Experiment(layers=3), step=1_000))
    steps = session.remembered()
    assert steps == session.run.history.steps.tolist()
    for step in steps[:-1]:
        session.look_back(step)
        shown = session.snapshots()
        assert {snapshot.step for snapshot in shown.values()} == {step}
        for name, run in session.runs.items():
            np.testing.assert_array_equal(shown[name].vector, run.history.at(step).vector)
    session.look_back(steps[-1])
    assert session.look is None
    session.look_back(steps[2])
    session.play()
    assert session.look is None


def test_replay_shows_every_remembered_step_once_and_ends_at_now(pool: Workers) -> None:
    session = trained(opened(pool, step=500))
    session.replay()
    shown = [session.snapshots()[FIRST].step]
    while session.replaying:
        session.replay_one()
        shown.append(session.snapshots()[FIRST].step)
    assert shown == session.remembered()
    assert session.step == 500


def test_the_address_is_ahead_of_what_the_reader_has_seen_while_training(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=100_000), train=True)
    writes = 0
    for _ in range(40):
        session.advance(TURN)
        if session.announce():
            writes += 1
            link = session.position()
            assert link.train
            assert link.step > session.step
    assert 0 < writes < 20
    session.pause()
    assert session.position() == replace(session.link, step=session.step, train=False)


def test_a_position_never_lies_beyond_the_end(pool: Workers) -> None:
    session = opened(pool, experiment=Experiment(steps=300), train=True)
    for _ in range(2):
        session.advance(TURN)
        assert session.position().step <= 300
    assert trained(session).position() == Link(Experiment(steps=300), step=300)


def test_only_the_newest_run_of_the_script_may_train(pool: Workers) -> None:
    session = opened(pool)
    old, new = session.new_script(), session.new_script()
    assert not session.is_newest(old)
    assert session.is_newest(new)


def test_workers_that_do_not_start_are_an_error_on_the_page_and_not_an_exception() -> None:
    import os

    dead = Workers(1, warm_up=os.kill)  # type: ignore[arg-type]  # raises: it lacks arguments
    session = Session(Link(train=True), dead)
    session.begin()
    dead.close()
    assert "did not start" in str(session.error)
    assert not session.busy


def test_the_presets_open_as_they_are(pool: Workers) -> None:
    for preset in PRESETS.values():
        assert opened(pool, experiment=preset).run.experiment == preset
