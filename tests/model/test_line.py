"""The line before the workers: whose turn it is."""

from __future__ import annotations

from model.line import Asker, Line


def test_equals_are_served_in_the_order_of_their_coming() -> None:
    line: Line[int] = Line(lambda: 0.0)
    tickets = [line.join(Asker(name)) for name in "abc"]
    for n in range(3):
        assert line.hand(n)
    assert [ticket.thing for ticket in tickets] == [0, 1, 2]
    assert not line.hand(3)


def test_who_has_had_least_is_next_however_many_the_others_are() -> None:
    line: Line[int] = Line(lambda: 0.0)
    line.charge("many", 2.0)
    many = [line.join(Asker("many")) for _ in range(60)]
    newcomer = line.join(Asker("newcomer"))
    assert line.before(newcomer) == 0
    assert line.before(many[0]) == 1
    line.hand(1)
    assert newcomer.thing == 1
    assert newcomer.called.is_set()


def test_what_somebody_had_is_forgotten() -> None:
    now = 0.0
    line: Line[int] = Line(lambda: now)
    line.charge("a", 100.0)
    now = 600.0
    line.charge("b", 0.1)
    line.join(Asker("b"))
    a = line.join(Asker("a"))
    line.hand(1)
    assert a.thing == 1


def test_who_leaves_is_not_called() -> None:
    line: Line[int] = Line()
    ticket = line.join(Asker())
    line.leave(ticket)
    assert not line.hand(1)
    assert len(line) == 0


def test_names_do_not_pile_up() -> None:
    line: Line[int] = Line(lambda: 0.0)
    for n in range(5_000):
        line.charge(str(n), n)
    assert len(line._had) <= 2_000
    # Those who had most are remembered.
    assert line._of_late("4999") == 4999
