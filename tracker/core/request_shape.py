"""How to request a completion from one model, where that differs from the usual way."""

import attrs


@attrs.frozen(kw_only=True)
class RequestShape:
    """The form of a completion request.

    tokens: the limit on the answer's tokens. field: the name of that limit in an OpenAI-like API.
    first: with no model configured, this one answered last time, so it is tried before the others.
    """

    tokens: int = 1
    field: str = "max_tokens"
    stream: bool = True
    first: bool = False

    @property
    def adaptations(self) -> tuple[str, ...]:
        """Say in words what was learnt."""
        told = []
        if self.field != "max_tokens":
            told.append(f"asks with {self.field}")
        if self.tokens != 1:
            told.append(f"asks for {self.tokens} tokens")
        if not self.stream:
            told.append("does not stream")
        if self.first:
            told.append("tried first, because no model is configured and this one answered")
        return tuple(told)
