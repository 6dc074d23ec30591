"""Whether others serve what an incident made unavailable, as its definition says."""

from types import MappingProxyType

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.alert_scenario import START, snapshot_of
from tests.helpers.idle_tracker import a_provider
from tracker.alerts.serving import Serving
from tracker.core.incidents import Cause, Incident
from tracker.core.outcomes import Status
from tracker.core.provider_status import EvidenceSource, OfferStatus, ProviderStatus
from tracker.models.names import parse_model_id

NAMES = ("a", "b", "c")
MODELS = ("llama-3.3-70b", "maker/llama-3.3-70b", "qwen-3", "rare")
models = st.lists(st.sampled_from(MODELS), max_size=3, unique=True).map(tuple)


@st.composite
def views(draw: st.DrawFn) -> list[ProviderStatus]:
    return [
        attrs.evolve(
            a_provider(name),
            usable=draw(st.booleans()),
            models=draw(st.none() | models),
            offers=tuple(
                OfferStatus(
                    model=model,
                    variant=None,
                    status=Status.DOWN,
                    usable=draw(st.booleans()),
                    reason="",
                    evidence=EvidenceSource.OFFER,
                )
                for model in draw(models)
            ),
        )
        for name in NAMES
    ]


@given(
    views(),
    st.dictionaries(st.sampled_from(NAMES), models),
    st.sampled_from((*NAMES, None)),
    st.none() | st.sampled_from(MODELS),
)
def test_each_needed_model_is_served_by_somebody_else_who_is_usable(
    seen: list[ProviderStatus],
    watched: dict[str, tuple[str, ...]],
    provider: str | None,
    model: str | None,
) -> None:
    incident = Incident(
        id="1",
        cause=Cause.PROVIDER if model is None else Cause.OFFER,
        subject=f"{provider}" if model is None else f"{provider}/{model}",
        provider=provider,
        opened_at=START,
        noticed_at=START,
        summary="",
    )
    others = [view for view in seen if view.usable and view.name != provider]
    needed = {common(each) for each in ([model] if model else watched.get(provider or "", ()))}
    served = set[str]().union(*(serves(view, watched.get(view.name, ())) for view in others))
    serving = Serving(snapshot_of(seen, START), MappingProxyType(watched))
    assert serving.others_serve(incident) is (needed <= served if needed else bool(others))


def serves(view: ProviderStatus, watched: tuple[str, ...]) -> set[str]:
    gone = {common(offer.model) for offer in view.offers if not offer.usable}
    return {common(model) for model in (*(view.models or ()), *watched)} - gone


def common(model: str) -> str:
    return parse_model_id(model).name
