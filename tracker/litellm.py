"""Making a LiteLLM router send its calls to the provider that the tracker ranks best.

Register it once, together with any routing strategy:

    litellm.callbacks.append(ProviderStatusRouting(client))

LiteLLM calls ``async_filter_deployments`` for each asynchronous call, after its own cooldowns, so
these still apply; its own strategy chooses among the rest. Needs litellm, which is not installed
with the tracker.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import litellm  # type: ignore[import-not-found, unused-ignore]
from litellm.integrations.custom_logger import (  # type: ignore[import-not-found, unused-ignore]
    CustomLogger,
)

from tracker.client import Choice, Offer, ProviderStatusClient
from tracker.client.litellm_events import part, read_event
from tracker.models.names import parse_model_id

log = logging.getLogger(__name__)

# LiteLLM's provider names that differ from the tracker's, or are additional.
LITELLM_NAMES: Mapping[str, tuple[str, ...]] = {
    "together": ("together_ai",),
    "nvidia": ("nvidia_nim",),
    "fireworks": ("fireworks_ai",),
    "google": ("gemini",),  # AI Studio; Vertex AI takes other credentials
    "github_models": ("github",),
    "cohere": ("cohere", "cohere_chat"),
    "anthropic": ("anthropic", "anthropic_text"),
    "openai": ("openai", "text-completion-openai"),
}
# G4F has no prefix: its deployments are OpenAI's with another address.
API_BASES: Mapping[str, str] = {
    "g4f_main": "https://g4f.space/v1",
    "g4f_groq": "https://g4f.space/api/groq",
    "g4f_grok": "https://g4f.space/api/grok",
    "g4f_gemini": "https://g4f.space/api/gemini",
    "g4f_nvidia": "https://g4f.space/api/nvidia",
    "g4f_ollama": "https://g4f.space/api/ollama",
    "g4f_pollinations": "https://g4f.space/api/pollinations",
}
# With their own address, these prefixes name a protocol, not a provider.
PROTOCOLS = frozenset({"openai", "custom_openai", "openai_like", "text-completion-openai"})
NAME_KEY = (
    "provider_status_name"  # in a deployment's model_info: the tracker's name, given explicitly
)

Deployment = dict[str, Any]


class ProviderStatusRouting(CustomLogger):  # type: ignore[misc, unused-ignore]
    """Keeps only the deployments of the best offer: one model at one provider.

    When the tracker ranks none of them, the list stays unchanged and LiteLLM routes alone. Until it
    has ranked these offers, the deployments of the best provider are kept.

    names: LiteLLM's provider names by the tracker's, in addition to LITELLM_NAMES; a name in
    neither is the same on both sides. api_bases: addresses by the tracker's name, in addition to
    API_BASES. spread: choose by the tracker's weights, so that many proxies do not all take the
    same provider. report: tell the tracker of each attempt, which the client sends with its report
    token.
    """

    def __init__(
        self,
        client: ProviderStatusClient,
        *,
        names: Mapping[str, Iterable[str]] | None = None,
        api_bases: Mapping[str, str] | None = None,
        spread: bool = False,
        report: bool = True,
    ) -> None:
        super().__init__()
        self._client = client
        self._reports = report
        self._spread = spread
        self._trackers_names = _invert({**LITELLM_NAMES, **(names or {})})
        bases = {**API_BASES, **(api_bases or {})}
        # The longest first: one provider's address may start with another's.
        self._bases = sorted(((_tidy(base), name) for name, base in bases.items()), reverse=True)

    async def async_filter_deployments(
        self,
        model: str,  # noqa: ARG002 (the model group: all these deployments serve it)
        healthy_deployments: list[Deployment],
        messages: object = None,  # noqa: ARG002
        request_kwargs: object = None,  # noqa: ARG002
        parent_otel_span: object = None,  # noqa: ARG002
    ) -> list[Deployment]:
        """Filter deployments for LiteLLM. It reads the client's memory only, and never raises."""
        try:
            return self.kept(healthy_deployments)
        except Exception:  # LiteLLM would fail the user's call
            log.exception("deployments could not be filtered; LiteLLM routes alone")
            return healthy_deployments

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: object,  # noqa: ARG002 (the answer: nothing of it is told)
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """Report an attempt that was answered (LiteLLM's event)."""
        self._tell(kwargs, failed=False)

    async def async_log_failure_event(
        self,
        kwargs: dict[str, Any],
        response_obj: object,  # noqa: ARG002
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """Report an attempt that failed: LiteLLM tells each one, also before a retry."""
        self._tell(kwargs, failed=True)

    def _tell(self, kwargs: Mapping[str, Any], *, failed: bool) -> None:
        if not self._reports:
            return
        try:
            told = read_event(kwargs, failed=failed)
            for name in self._reported_names(kwargs):
                self._client.report(name, **told)
        except Exception:  # LiteLLM would log it as its own
            log.exception("a call could not be reported; calls are not affected")

    def _reported_names(self, kwargs: Mapping[str, Any]) -> Iterable[str]:
        """Return the tracker's name, or all possible ones where the ranking has none."""
        params = part(kwargs, "litellm_params")
        payload = part(kwargs, "standard_logging_object")
        provider = params.get("custom_llm_provider") or payload.get("custom_llm_provider")
        deployment = {
            "model_info": params.get("model_info"),
            "litellm_params": {
                "model": payload.get("model") or kwargs.get("model"),
                "custom_llm_provider": provider,
                # LiteLLM fills in its default address; only one set by the caller says more.
                "api_base": self._own_base(params),
            },
        }
        names = self.names_of(deployment)
        ranked = [name for name in self._client.ranking() if name in names]
        return ranked[:1] or sorted(names)

    def _own_base(self, params: Mapping[str, Any]) -> str:
        base = str(params.get("api_base") or "")
        known = any(_tidy(base).startswith(mine) for mine, _ in self._bases)
        protocol = params.get("custom_llm_provider") in PROTOCOLS
        return base if known or (protocol and "api.openai.com" not in base) else ""

    def kept(self, deployments: list[Deployment]) -> list[Deployment]:
        """Return the deployments whose offers are as good as the best; all where none is known."""
        named = [(self.offers_of(deployment), deployment) for deployment in deployments]
        present = frozenset[str]().union(*(offers for offers, _ in named))
        choice = self._client.choose(candidates=present, weighted=self._spread)
        if choice is None:
            return deployments
        equal = _equal_offers(choice)
        return [d for offers, d in named if any(_is_among(name, equal) for name in offers)]

    def offers_of(self, deployment: Mapping[str, Any]) -> frozenset[str]:
        """Return what the tracker may call the offer behind it, as "provider/model-id"."""
        model = _model_id(part(deployment, "litellm_params"))
        names = self.names_of(deployment)
        return frozenset(f"{name}/{model}" for name in names) if model else names

    def names_of(self, deployment: Mapping[str, Any]) -> frozenset[str]:
        """Return what the tracker may call the provider behind it.

        More than one where LiteLLM's is.
        """
        if said := part(deployment, "model_info").get(NAME_KEY):
            return frozenset({str(said)})
        params = part(deployment, "litellm_params")
        base = _tidy(str(params.get("api_base") or params.get("base_url") or ""))
        for known, name in self._bases:
            if base == known or base.startswith(known + "/"):
                return frozenset({name})
        provider = str(
            params.get("custom_llm_provider") or _provider(str(params.get("model") or ""))
        )
        if not provider or (base and provider in PROTOCOLS):
            return frozenset()
        return self._trackers_names.get(provider, frozenset()) | {provider}


def _equal_offers(choice: Choice) -> tuple[Offer, ...]:
    """Return the chosen offer, and those of its provider that nothing tells apart from it."""
    if choice.evidence == "offer":
        return (choice,)
    alike = (o for o in choice.alternatives if o.provider == choice.provider)
    return (choice, *(offer for offer in alike if offer.evidence == choice.evidence))


def _is_among(name: str, offers: Iterable[Offer]) -> bool:
    """Return whether a deployment's offer is one of these, whichever way its id is written."""
    provider, _, model = name.partition("/")
    return any(
        offer.provider == provider
        and (offer.evidence is None or offer.model is None or same_model(model, offer.model))
        for offer in offers
    )


def same_model(one: str, other: str) -> bool:
    """Return whether two ids are equal or have the same common name."""
    return one == other or parse_model_id(one).name == parse_model_id(other).name


def _model_id(params: Mapping[str, Any]) -> str:
    """Return the provider's own id: LiteLLM's model without the prefix that names the provider."""
    model = str(params.get("model") or "")
    provider = str(params.get("custom_llm_provider") or "")
    if provider:
        return model.removeprefix(f"{provider}/")
    prefix, _, rest = model.partition("/")
    return rest or prefix


@lru_cache(maxsize=1024)
def _provider(model: str) -> str:
    prefix, slash, _ = model.partition("/")
    if slash:
        return prefix
    try:  # for names like "gpt-4o" LiteLLM knows the provider
        return str(litellm.get_llm_provider(model)[1])
    except Exception:  # noqa: BLE001 (it raises its own kinds, and they change)
        return ""


def _invert(names: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    trackers: dict[str, frozenset[str]] = {}
    for name, theirs in names.items():
        for provider in [theirs] if isinstance(theirs, str) else theirs:
            trackers[provider] = trackers.get(provider, frozenset()) | {name}
    return trackers


def _tidy(base: str) -> str:
    return base.rstrip("/").lower()
