"""tracker.runtime.check_requests: each request is answered once, by a result of its own target."""

from tests.helpers.factories import finding
from tracker.core.outcomes import OutcomeKind
from tracker.runtime.check_requests import CheckRequests


def test_a_result_answers_all_who_wait_for_its_target_and_no_others() -> None:
    requests = CheckRequests()
    first, second, offer = requests.add(None), requests.add(None), requests.add("m")
    result = finding(OutcomeKind.OK)
    requests.answer(result)
    assert first.result is result
    assert second.result is result
    assert first.answered.is_set()
    assert not offer.answered.is_set()
    assert (requests.wants(None), requests.wants("m")) == (False, True)


def test_those_who_wait_for_what_is_no_longer_watched_get_no_result() -> None:
    requests = CheckRequests()
    kept, gone = requests.add(None), requests.add("m")
    requests.keep({None})
    assert gone.answered.is_set()
    assert gone.result is None
    assert not kept.answered.is_set()
    assert requests.waiting == [kept]
