"""Foreign text made fit for a message: providers' errors may hold anything. Pure."""

import re

# Terminal control sequences (ECMA-48): CSI, and OSC, which can set titles and links.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
# HTML tags, and Slack's <!channel> and <http://…|text>.
_TAGS = re.compile(r"<[^<>]*>")
# What Markdown turns into links, emphasis or code.
_MARKUP = str.maketrans({"<": "", ">": "", "`": "", "*": "", "[": "(", "]": ")"})
# Chats wake everybody up for these.
_MENTIONS = re.compile(r"@(?=everyone\b|here\b|channel\b|all\b)", re.IGNORECASE)


def plain_text(text: str, limit: int = 300) -> str:
    """Return the text on one line, without markup, control characters and direction marks."""
    text = _TAGS.sub(" ", _ESCAPES.sub("", text))
    text = _MENTIONS.sub("", text.translate(_MARKUP))
    text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
