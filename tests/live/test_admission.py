"""Who gets a seat, and in which order."""

from __future__ import annotations

from live.admission import Lobby


class Readers(set[str]):
    """Those who are still there."""

    def __call__(self, session: str) -> bool:
        return session in self


def test_a_full_house_numbers_the_line_and_a_free_seat_goes_to_its_head() -> None:
    there = Readers("abcd")
    lobby = Lobby(2, there)
    assert [lobby.ask(reader) for reader in "abcd"] == [0, 0, 1, 2]
    there.remove("a")
    # d may ask first: the seat is c's all the same.
    assert lobby.ask("d") == 1
    assert lobby.ask("c") == 0


def test_who_leaves_the_line_holds_up_nobody() -> None:
    there = Readers("abcd")
    lobby = Lobby(1, there)
    for reader in "abcd":
        lobby.ask(reader)
    there -= {"b", "c"}
    assert lobby.ask("d") == 1
    there.remove("a")
    assert lobby.ask("d") == 0


def test_an_idle_seat_is_given_up_only_when_somebody_waits() -> None:
    there, idle = Readers("abc"), {"a": 700.0}
    lobby = Lobby(2, there, lambda session: idle.get(session, 0.0))
    assert [lobby.ask(reader) for reader in "abab"] == [0, 0, 0, 0]
    assert lobby.ask("c") == 0
    # Back at the page, a waits as anybody would, and gets a seat when there is one.
    idle.clear()
    assert lobby.ask("a") == 1
    there.remove("b")
    assert lobby.ask("a") == 0


def test_a_seat_is_kept_by_asking_again() -> None:
    there = Readers("ab")
    lobby = Lobby(1, there)
    assert [lobby.ask("a"), lobby.ask("b"), lobby.ask("a"), lobby.ask("b")] == [0, 1, 0, 1]
