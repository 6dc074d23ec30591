"""Making foreign text safe for a message, as providers' errors may contain anything. Pure."""

import re

from tracker.core.terminal_codes import strip_terminal_codes

# HTML tags, and Slack's <!channel> and <http://…|text>.
_TAGS = re.compile(r"<[^<>]*>")
# Characters that Markdown turns into links, emphasis or code.
_MARKUP = str.maketrans({"<": "", ">": "", "`": "", "*": "", "[": "(", "]": ")"})
# Chats notify everybody about these.
_MENTIONS = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b)", re.IGNORECASE)


def plain_text(text: str, limit: int = 300) -> str:
    """Return the text on one line, without markup, control characters and direction marks."""
    text = _TAGS.sub(" ", strip_terminal_codes(text))
    text = _MENTIONS.sub("", text.translate(_MARKUP))
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
