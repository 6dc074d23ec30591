"""Which leases a member holds after each answer of the hub, and what it does next."""

import attrs
import pytest

from tracker.cluster.membership import HERALD, Beat, Membership, Step

LEASE, NAMES = 10.0, ("a", "b", "c", "d")


def joined(*peers: str) -> tuple[Membership, Beat]:
    """Member m1 of these, whose quiet time is over."""
    member = Membership(LEASE, 2.0, NAMES)
    everybody = ("m1", *peers)
    answer = Beat(
        member="m1", epoch="e", beats=dict.fromkeys(everybody, 0), peers=frozenset(everybody)
    )
    member.take_join(answer, 0.0, 0.0)
    return member, answer


def beat(member: Membership, answer: Beat, number: int, now: float, **changes: object) -> Beat:
    told = {"beat": number, "held": len(member.tokens), "tokens": sum(member.tokens.values())}
    return attrs.evolve(answer, **{**told, **changes})


def test_nothing_is_claimed_for_a_lease_after_the_first_turn() -> None:
    member, answer = joined()
    step = member.take_beat(beat(member, answer, 1, 9.9), 9.8, 9.9)
    assert (step.claim, step.herald) == (0, False)
    step = member.take_beat(beat(member, answer, 2, 10.0), 9.95, 10.0)
    assert (step.claim, step.herald) == (4, True)


def test_shares_add_up_to_all_and_differ_by_one_at_most() -> None:
    claims = []
    for me in ("m1", "m2", "m3"):
        member = Membership(LEASE, 2.0, NAMES)
        everybody = frozenset({"m1", "m2", "m3"})
        answer = Beat(member=me, epoch="e", peers=everybody)
        member.take_join(answer, 0.0, 0.0)
        claims.append(member.take_beat(beat(member, answer, 1, 11.0), 11.0, 11.0).claim)
    assert sorted(claims) == [1, 1, 2]


def test_before_leases_exist_each_name_would_belong_to_one_member() -> None:
    first, _ = joined("m2")
    second = Membership(LEASE, 2.0, NAMES)
    answer = Beat(member="m2", epoch="e", peers=frozenset({"m1", "m2"}))
    second.take_join(answer, 0.0, 0.0)
    for name in NAMES:
        assert first.would_hold(name) is not second.would_hold(name)


def test_shares_follow_the_files_whatever_their_members_are_called() -> None:
    origins = {"m1": "y", "m2": "x", "m3": "y"}
    first, second = Membership(LEASE, 2.0, NAMES), Membership(LEASE, 2.0, NAMES)
    told = Beat(member="m1", epoch="e", peers=frozenset({"m1", "m2"}), origins=origins)
    first.take_join(told, 0.0, 0.0)
    # The other one joined again, while its first member is still registered.
    told = Beat(member="m3", epoch="e", peers=frozenset(origins), origins=origins)
    second.take_join(told, 0.0, 0.0)
    assert [first.would_hold(name) for name in NAMES] == [False, True, False, True]
    assert [second.would_hold(name) for name in NAMES] == [False, True, False, True]
    assert second.take_beat(beat(second, told, 1, 11.0), 11.0, 11.0).claim == 2


def test_a_surplus_lease_is_given_up_before_it_is_released_at_the_hub() -> None:
    member, answer = joined("m2")
    member.win(dict.fromkeys(NAMES, 1) | {HERALD: 1})
    step = member.take_beat(beat(member, answer, 1, 11.0), 11.0, 11.0)
    assert step.release == ("c", "d")
    assert sorted(member.tokens) == [HERALD, "a", "b"]


def test_leases_of_removed_providers_are_released() -> None:
    member, answer = joined()
    member.win(dict.fromkeys(NAMES, 1))
    member.names = ("a", "b")
    assert set(member.take_beat(beat(member, answer, 1, 1.0), 1.0, 1.0).release) == {"c", "d"}


def test_a_lease_is_held_until_its_time_is_over() -> None:
    member, answer = joined()
    member.win({"a": 1})
    member.take_beat(beat(member, answer, 1, 5.0), 4.0, 5.0)
    assert member.holds("a", 12.9)
    assert not member.holds("a", 13.0), "4 s and a lease, less a tenth"
    assert not member.holds("b", 5.0)


def test_all_leases_are_void_at_a_different_hub() -> None:
    changes: list[dict[str, object]] = [
        {"beat": 1},
        {"beat": 3},
        {"held": 0, "tokens": 0},
        {"tokens": 9},
    ]
    for change in changes:
        member, answer = joined()
        member.take_beat(beat(member, answer, 1, 1.0), 1.0, 1.0)
        member.win({"a": 1, "b": 3})
        step = member.take_beat(beat(member, answer, 2, 2.0, **change), 2.0, 2.0)
        assert step.lost, change
        assert (member.member, member.tokens, member.holds("a", 2.0)) == (None, {}, False)


def test_a_lost_answer_loses_no_lease() -> None:
    """Its beat may have been counted, or not; the claim may have won something, or not."""
    member, answer = joined()
    member.win({"a": 1})
    for _ in range(2):
        member.send_beat()
    assert not member.take_beat(beat(member, answer, 2, 2.0), 2.0, 2.0).lost
    member.unsure = True
    member.leaving["d"] = 5
    step = member.take_beat(beat(member, answer, 3, 11.0, held=3, tokens=8), 11.0, 11.0)
    assert step.settle
    assert (step.lost, step.claim, step.release, step.carry) == ("", 0, (), ())
    assert member.settle({"a": 1, "b": 2, "d": 5}) == ""
    assert (member.tokens, member.leaving, member.unsure) == ({"a": 1, "b": 2}, {"d": 5}, False)
    assert member.settle({"b": 2})
    assert not member.holds("b", 11.0)


def restarted(known: bool, at: float) -> tuple[Membership, Step]:
    """Member m1, which held a and b, after the hub was started again; ``known``: with its rows."""
    member, answer = joined("m2")
    member.win({"a": 1, "b": 1, HERALD: 1})
    member.take_beat(beat(member, answer, 1, 1.0), 1.0, 1.0)
    again = beat(member, answer, 2, at, epoch="another") if known else None
    assert member.take_beat(again, at, at).lost
    assert member.holds("a", at) is (known and at < 10.0), "1 s and a lease, less a tenth"
    return member, member.take_join(
        Beat(member="m3", epoch="another", peers=frozenset({"m3"})), at, at
    )


@pytest.mark.parametrize("known", [True, False])
def test_our_leases_are_kept_when_the_hub_is_restarted(known: bool) -> None:
    """Nobody had it at the old server, and nobody claims it at the new one for a whole lease."""
    member, step = restarted(known, 3.0)
    assert (step.carry, step.claim, step.herald) == (("a", "b"), 0, False)
    assert member.holds("a", 9.9)
    assert not member.holds("a", 10.0)
    assert not member.holds(HERALD, 3.0)
    member.win({"a": 2})
    answer = Beat(member="m3", epoch="another", peers=frozenset({"m3"}))
    step = member.take_beat(beat(member, answer, 1, 4.0), 4.0, 4.0)
    assert (step.lost, step.carry) == ("", ("b",)), "asked for until it is ours, or too late"
    assert member.holds("a", 12.9)
    step = member.take_beat(beat(member, answer, 2, 10.0), 10.0, 10.0)
    assert step.carry == ()


@pytest.mark.parametrize("known", [True, False])
def test_a_lease_that_another_may_have_held_is_not_carried_over(known: bool) -> None:
    member, step = restarted(known, 10.0)
    assert step.carry == ()
    assert not member.holds("a", 10.0)


def test_a_removed_member_carries_no_lease_over() -> None:
    """The same server still: others may have claimed it since."""
    member, answer = joined()
    member.win({"a": 1})
    member.take_beat(beat(member, answer, 1, 1.0), 1.0, 1.0)
    assert "removed this tracker" in member.take_beat(None, 2.0, 2.0).lost
    assert not member.holds("a", 2.0)
    step = member.take_join(Beat(member="m3", epoch="e", peers=frozenset({"m3"})), 2.1, 2.1)
    assert step.carry == ()
    assert not member.holds("a", 2.1)


def test_the_first_member_is_the_one_that_found_no_other() -> None:
    first, _ = joined()
    assert (first.is_first(8.9), first.is_first(9.0)) == (True, False)
    second, _ = joined("m2")
    assert not second.is_first(1.0)


def test_a_frozen_member_is_removed_with_its_last_heartbeat() -> None:
    member, answer = joined("m2")
    for number, now in enumerate((2.0, 4.0, 6.0, 8.0), 1):
        assert member.take_beat(beat(member, answer, number, now), now, now).bury == ()
    step = member.take_beat(beat(member, answer, 5, 10.0), 10.0, 10.0)
    assert step.bury == (("m2", 0),)
    assert step.claim == 4, "its share is ours now"


def test_a_turn_comes_when_a_silent_member_counts_as_dead() -> None:
    member, answer = joined("m2")
    for number, now in enumerate((2.0, 4.0, 6.0, 8.0, 9.0), 1):
        member.take_beat(beat(member, answer, number, now), now, now)
    assert member.next_turn(9.0) == pytest.approx(1.01)  # m2 was seen at 0.0: dead at 10.0
    step = member.take_beat(beat(member, answer, 6, 10.01), 10.01, 10.01)
    assert step.bury == (("m2", 0),)


def test_turns_are_a_beat_apart_while_all_members_live() -> None:
    member, answer = joined("m2")
    for number, now in enumerate((2.0, 4.0, 6.0), 1):
        member.take_beat(beat(member, answer, number, now, beats={"m1": 0, "m2": number}), now, now)
        assert member.next_turn(now) == 2.0
    alone, _ = joined()
    assert alone.next_turn(0.0) == 2.0


def test_a_burial_that_fails_is_not_tried_without_a_pause() -> None:
    member, answer = joined("m2")
    for number, now in enumerate((2.0, 4.0, 6.0, 8.0, 10.0), 1):
        member.take_beat(beat(member, answer, number, now), now, now)
    assert member.next_turn(10.5) == 0.5
