"""Groups: members by key, in few objects."""

import gc

from tracker.models.groups import group, members_of


def test_members_come_in_the_order_given() -> None:
    groups = group([("a", "1"), ("b", "2"), ("a", "3"), ("a", "1")])
    assert members_of(groups, "a") == ("1", "3", "1")
    assert members_of(groups, "b") == ("2",)
    assert members_of(groups, "c") == ()


def test_a_single_member_adds_no_object_for_the_collector() -> None:
    before = len(gc.get_objects())
    groups = group((f"key {n}", f"member {n}") for n in range(10_000))
    assert len(gc.get_objects()) - before < 100
    assert len(groups) == 10_000


def test_no_more_members_are_kept_than_wanted() -> None:
    groups = group([("a", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("a", "5")], 3)
    assert members_of(groups, "a") == ("1", "2", "4")
    assert members_of(groups, "b") == ("3",)
