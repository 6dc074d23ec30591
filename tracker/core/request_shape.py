"""How a completion is asked of one model, where that differs from the usual."""

import attrs


@attrs.frozen(kw_only=True)
class RequestShape:
    """How a completion is asked for.

    tokens: how many at most. field: what OpenAI's kind of API calls that number. first: where
    nobody named a model, this one answered last, so it is asked before the others.
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
            told.append("asked first, for no model is named and it answered")
        return tuple(told)
