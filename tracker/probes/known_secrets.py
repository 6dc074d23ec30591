"""The secrets of one provider that no text of its answers may show."""

from urllib.parse import unquote, urlsplit

import attrs

from tracker.core.rate_limits import LimitReading
from tracker.core.redaction import MASK, Mask, Secret
from tracker.core.settings import Provider
from tracker.probes.limits.values import merge_readings
from tracker.probes.messages import revealing


@attrs.define
class KnownSecrets:
    """The provider's own secrets, and those that its checks were given: tokens of a login."""

    own: tuple[Secret, ...]
    _learned: tuple[Secret, ...] = ()
    _mask: Mask | None = attrs.field(default=None, init=False)

    def learn(self, *secrets: Secret) -> None:
        """Mask these too from now on, in the place of those learned before."""
        if secrets != self._learned:
            self._learned, self._mask = secrets, None

    def mask(self, text: str) -> str:
        """Mask the secrets in a text."""
        return self.masking(text)

    def may_be_in(self, text: str) -> bool:
        """Return whether a long text may hold a secret at all; False is certain."""
        return self.masking.may_hide(text)

    def mask_names(self, limits: tuple[LimitReading, ...]) -> tuple[LimitReading, ...]:
        """Mask limit names in which an answer may echo a key."""
        if not limits:
            return limits
        names = [limit.name for limit in limits]
        bad = {
            *revealing(names, (*self.own, *self._learned)),
            *(name for name in names if self.mask(name) != name),
        }
        if not bad:
            return limits
        return merge_readings(
            attrs.evolve(one, name=MASK) if one.name in bad else one for one in limits
        )

    @property
    def masking(self) -> Mask:
        """Return the mask, made when first needed: most checks mask nothing.

        The same object until other secrets are learned.
        """
        if self._mask is None:
            self._mask = Mask((*self.own, *self._learned))
        return self._mask


def provider_secrets(provider: Provider) -> tuple[Secret, ...]:
    """Return everything of a provider's that must never show.

    The proxy's password too: a file with one is refused, a Provider made by hand may have it.
    """
    password = provider.proxy and urlsplit(provider.proxy).password
    # as written, and as sent
    forms = dict.fromkeys((password, unquote(password))) if password else ()
    return (*provider.secrets, *map(Secret, forms))
