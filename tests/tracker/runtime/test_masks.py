"""The mask of a reloaded configuration: the same as at once, and nobody waits for it."""

from tests.helpers.fair_time import fair_ms
from tests.helpers.garbage import no_collector
from tests.helpers.turn_timer import timed_turns
from tracker.core.redaction import Mask, Secret
from tracker.runtime.masks import extend_mask

MOST_MS = 25.0
OLD = Secret("canary-0123456789abcdef")


async def test_it_hides_the_old_secrets_and_the_new_ones() -> None:
    mask = await extend_mask(Mask((OLD,)), [OLD, Secret("canary-fedcba9876543210")])
    assert mask("canary-0123456789abcdef canary-fedcba9876543210 x") == "*** *** x"
    assert len(mask.secrets) == 2


async def test_without_new_secrets_it_stays_as_it_is() -> None:
    mask = Mask((OLD,))
    assert await extend_mask(mask, [OLD]) is mask


async def test_the_mask_of_many_keys_never_holds_the_loop() -> None:
    keys = [Secret(f"canary-{number:032x}") for number in range(400)]
    with no_collector(), timed_turns() as timer:
        mask = await extend_mask(Mask((OLD,)), keys)
    assert fair_ms(timer.worst) <= MOST_MS  # on the event loop it took 150 ms
    assert mask(f"refused: {keys[7].reveal()}") == "refused: ***"
