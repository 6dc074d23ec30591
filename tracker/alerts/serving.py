"""Whether other providers serve what an incident made unavailable. Pure."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import attrs

from tracker.core.incidents import Cause, Incident
from tracker.core.provider_status import ProviderStatus
from tracker.core.ranking import Ranked, Ranking
from tracker.core.snapshot import Snapshot
from tracker.models.names import parse_model_id
from tracker.models.resolver import NamedOffer

RankOffers = Callable[[Iterable[NamedOffer]], Ranking]


@attrs.frozen(eq=False, slots=False)  # cached_property does not work with slots
class Serving:
    """Who serves what in a snapshot, looked up once for any number of incidents.

    watched: the models that the configuration names for a provider. Where it names none, any usable
    provider will do: a list of hundreds of models is no promise that anybody needs them.
    """

    snapshot: Snapshot
    watched: Mapping[str, tuple[str, ...]]

    def others_serve(self, incident: Incident) -> bool:
        """Return whether somebody usable serves what the incident's provider served."""
        without = incident.provider
        models: Iterable[str] = self.watched.get(without or "", ())
        if incident.cause is Cause.OFFER:
            models = (incident.subject.removeprefix(f"{without}/"),)
        needed = {_common(model) for model in models}
        if not needed:
            return any(view.name != without for view in self._usable)
        servers = self._servers
        return all(any(name != without for name in servers.get(model, ())) for model in needed)

    @cached_property
    def _usable(self) -> tuple[ProviderStatus, ...]:
        return tuple(view for view in self.snapshot.providers.values() if view.usable)

    @cached_property
    def _servers(self) -> dict[str, list[str]]:
        """Return the usable providers of each model, by its common name."""
        servers: dict[str, list[str]] = {}
        for view in self._usable:
            for model in _served(view, self.watched):
                servers.setdefault(model, []).append(view.name)
        return servers


def serve_model(model: str, snapshot: Snapshot, *, without: str | None) -> list[str]:
    """Return the usable providers, best first, that list a model of this common name."""
    name, views = _common(model), snapshot.providers
    ranked = (views[each.provider] for each in snapshot.ranking.ranked if each.provider in views)
    return [view.name for view in ranked if view.name != without and name in _served(view, {})]


def best_offer(model: str, snapshot: Snapshot, rank: RankOffers) -> Ranked | None:
    """Return what ``/best?model=`` names first, None where nobody usable offers it."""
    name = _common(model)
    found = [
        NamedOffer(view.name, each)
        for view in snapshot.providers.values()
        for each in dict.fromkeys((*(view.models or ()), *(offer.model for offer in view.offers)))
        if _common(each) == name
    ]
    return next(iter(rank(found).ranked), None)


def _served(view: ProviderStatus, watched: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return what it lists or is watched for, but for what is down there too."""
    listed = (*(view.models or ()), *watched.get(view.name, ()))
    gone = {_common(offer.model) for offer in view.offers if not offer.usable}
    return {_common(model) for model in listed} - gone


def _common(model: str) -> str:
    return parse_model_id(model).name
