"""Making the mask of a new configuration, which may have thousands of keys."""

from collections.abc import Iterable
from functools import partial

from tracker.core.redaction import Mask, Secret, mask_of
from tracker.core.threads import run_apart

MANY = 30  # secrets whose mask takes about ten milliseconds


async def extend_mask(mask: Mask, secrets: Iterable[Secret]) -> Mask:
    """Return a mask of these secrets as well; one of many is made in a thread."""
    known = set(mask.secrets)
    new = tuple(dict.fromkeys(secret for secret in secrets if secret not in known))
    if not new:
        return mask
    make = partial(mask_of, (*mask.secrets, *new))
    return await run_apart(make, is_long=len(new) + len(known) > MANY)
