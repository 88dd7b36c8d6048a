"""Heavy jobs: one after the other, each once, and a queue that has an end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from live.jobs import Busy, Jobs

PATIENCE = 60.0


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    jobs._thread.shutdown()


def test_a_job_that_many_ask_for_is_done_once(jobs: Jobs) -> None:
    done: list[int] = []
    futures = [jobs.ask("same", lambda n=n: done.append(n) or n) for n in range(5)]
    assert {future.result(PATIENCE) for future in futures} == {0}
    assert jobs.ask("same", lambda: 9).result(PATIENCE) == 0
    assert done == [0]


def test_jobs_wait_for_each_other_and_know_their_place(jobs: Jobs) -> None:
    go = threading.Event()
    first = jobs.ask("first", lambda: go.wait(PATIENCE))
    later = [jobs.ask(n, lambda n=n: n) for n in range(3)]
    assert jobs.waiting == 4
    assert [jobs.place(future) for future in (first, *later)] == [0, 1, 2, 3]
    assert not later[0].done()
    go.set()
    assert [future.result(PATIENCE) for future in later] == [0, 1, 2]
    assert jobs.waiting == 0
    assert jobs.place(later[2]) == 0


def test_a_full_queue_turns_the_next_one_away_and_takes_more_when_it_is_empty(jobs: Jobs) -> None:
    go = threading.Event()
    asked = [jobs.ask(n, lambda: go.wait(PATIENCE)) for n in range(16)]
    with pytest.raises(Busy, match="16 jobs are waiting"):
        jobs.ask("one too many", lambda: 1)
    # Who asks for what is queued already is not turned away.
    assert jobs.ask(15, lambda: 1) is asked[15]
    go.set()
    for future in asked:
        future.result(PATIENCE)
    assert jobs.ask("one too many", lambda: 1).result(PATIENCE) == 1


def test_a_job_that_failed_is_done_again_for_the_next_who_asks(jobs: Jobs) -> None:
    failed = jobs.ask("key", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(PATIENCE)
    assert jobs.ask("key", lambda: "now it works").result(PATIENCE) == "now it works"


def test_results_are_bounded_and_the_oldest_goes_first(jobs: Jobs) -> None:
    for n in range(200):
        jobs.ask(n, lambda n=n: n).result(PATIENCE)
    assert len(jobs._futures) <= 65
    done: list[int] = []
    jobs.ask(199, lambda: done.append(199))
    jobs.ask(0, lambda: done.append(0)).result(PATIENCE)
    assert done == [0]
