"""``models``: which providers offer which model, and the best offer."""

from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter

from api.cli.errors import ExitCode
from api.cli.options import AsJson, ReadToken, TrackerConfig, Url
from api.cli.sheet import Sheet, describe_offer, mark, milliseconds, table
from api.cli.terminal import show
from api.cli.tracker_client import TrackerClient
from api.schemas import models as schemas

Model = Annotated[str | None, Parameter(help="One model, by any of its names; left out: all.")]


def models(
    model: Model = None,
    /,
    *,
    url: Url = None,
    token_env: ReadToken = None,
    config: TrackerConfig = None,
    json: AsJson = False,
) -> int:
    """Show which providers offer which model, best offer first.

    For an unknown model it exits 2 and names the nearest ones.
    """
    tracker = TrackerClient.for_reading(url, token_env, config)
    if model is None:
        document = tracker.ask("/api/models")
        shown = _all_table(tracker.convert(document, schemas.ModelList).models)
    else:
        document = tracker.ask(f"/api/models/{quote(model, safe='')}")
        shown = _offers_table(tracker.convert(document, schemas.Model))
    show(document, shown, as_json=json)
    return ExitCode.OK


def _all_table(models: list[schemas.Model]) -> Sheet:
    shown = table("model", "offers", "best", "status")
    for model in models:
        best = model.offers[0] if model.offers else None
        shown.add_row(
            model.model,
            str(len(model.offers)),
            "" if best is None else f"{best.provider_name}/{best.model}",
            mark(best.status if best is not None and best.usable else "unknown"),
        )
    return shown


def _offers_table(model: schemas.Model) -> Sheet:
    shown = table(
        "provider",
        "model",
        "status",
        "usable",
        "first token",
        "based on",
        "why",
        spare=("based on", "first token", "usable"),
    )
    for offer in model.offers:
        shown.add_row(
            offer.provider_name,
            offer.model,
            mark(offer.status),
            "yes" if offer.usable else "no",
            milliseconds(offer.ttft_ms),
            "own checks" if offer.evidence == "offer" else "its provider",
            describe_offer(offer.reason, offer.retires_on),
        )
    return shown
