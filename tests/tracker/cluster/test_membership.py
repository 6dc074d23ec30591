"""What a member believes after each answer of the hub, and what it does next."""

import attrs

from tracker.cluster.membership import HERALD, Beat, Membership

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


def test_before_leases_can_be_had_each_name_would_be_one_members() -> None:
    first, _ = joined("m2")
    second = Membership(LEASE, 2.0, NAMES)
    second.take_join(Beat(member="m2", epoch="e", peers=frozenset({"m1", "m2"})), 0.0, 0.0)
    for name in NAMES:
        assert first.would_hold(name) is not second.would_hold(name)


def test_a_surplus_is_disbelieved_before_the_hub_is_told() -> None:
    member, answer = joined("m2")
    member.win(dict.fromkeys(NAMES, 1) | {HERALD: 1})
    step = member.take_beat(beat(member, answer, 1, 11.0), 11.0, 11.0)
    assert step.release == ("c", "d")
    assert sorted(member.tokens) == [HERALD, "a", "b"]


def test_what_is_no_longer_watched_is_given_back() -> None:
    member, answer = joined()
    member.win(dict.fromkeys(NAMES, 1))
    member.names = ("a", "b")
    assert set(member.take_beat(beat(member, answer, 1, 1.0), 1.0, 1.0).release) == {"c", "d"}


def test_a_lease_is_believed_until_its_time_is_over() -> None:
    member, answer = joined()
    member.win({"a": 1})
    member.take_beat(beat(member, answer, 1, 5.0), 4.0, 5.0)
    assert member.holds("a", 12.9)
    assert not member.holds("a", 13.0), "4 s and a lease, less a tenth"
    assert not member.holds("b", 5.0)


def test_everything_is_void_where_the_hub_is_not_the_one_we_knew() -> None:
    changes: list[dict[str, object]] = [
        {"epoch": "another"},
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


def test_who_was_buried_joins_anew() -> None:
    member, _ = joined()
    assert "removed this tracker" in member.take_beat(None, 1.0, 1.0).lost


def test_who_stands_still_is_buried_with_the_beat_that_was_seen() -> None:
    member, answer = joined("m2")
    for number, now in enumerate((2.0, 4.0, 6.0, 8.0), 1):
        assert member.take_beat(beat(member, answer, number, now), now, now).bury == ()
    step = member.take_beat(beat(member, answer, 5, 10.0), 10.0, 10.0)
    assert step.bury == (("m2", 0),)
    assert step.claim == 4, "its share is ours now"
