"""Whether what an incident took away is served elsewhere. Pure."""

from collections.abc import Iterable, Mapping

from tracker.core.incidents import Cause, Incident
from tracker.core.model_names import parse_model_id
from tracker.core.snapshot import ProviderStatus, Snapshot


def others_serve(
    incident: Incident, snapshot: Snapshot, watched: Mapping[str, tuple[str, ...]]
) -> bool:
    """Return whether somebody usable serves what the incident's provider served.

    watched: the models that the configuration names for a provider. Where it names none, any
    usable provider will do: a list of hundreds of models is no promise that anybody needs them.
    """
    others = [v for v in snapshot.providers.values() if v.usable and v.name != incident.provider]
    models: Iterable[str] = watched.get(incident.provider or "", ())
    if incident.cause is Cause.OFFER:
        models = (incident.subject.removeprefix(f"{incident.provider}/"),)
    needed = {_common(model) for model in models}
    if not needed:
        return bool(others)
    return needed <= {name for view in others for name in _served(view, watched)}


def _served(view: ProviderStatus, watched: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    listed = view.models or ()
    return (_common(model) for model in (*listed, *watched.get(view.name, ())))


def _common(model: str) -> str:
    return parse_model_id(model).name
