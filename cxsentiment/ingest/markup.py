"""HTML as chats and mails hold it → the words a person reads."""

import html
import re

_HIDDEN = re.compile(r"<!--|-->|</?(?:script|style)\b[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/blockquote|/ul|/ol|/table|hr)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<![^<>]*>")


def plain_text(html_text: str) -> str:
    """The words of HTML: blocks end lines, other tags vanish, entities are decoded once. Text without tags keeps its
    line ends."""
    text = _visible(html_text)
    if _TAG.search(text):
        text = re.sub(r"\s+", " ", text)
        text = _TAG.sub("", _BREAK.sub("\n", text))
    lines = [" ".join(line.split(" ")).strip() for line in html.unescape(text).replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _visible(text: str) -> str:
    """The text without comments, scripts and styles; one that is never closed stays."""
    pieces = []
    kept, closing = 0, ""
    for mark in _HIDDEN.finditer(text):
        token = mark[0].lower()
        if closing:
            if token.startswith(closing):
                closing, kept = "", mark.end()
        elif not token.startswith(("-->", "</")):
            pieces.append(text[kept : mark.start()])
            kept = mark.start()
            # a token of a page
            closing = "-->" if token == "<!--" else f"</{token[1:6].rstrip('>').rstrip()}"  # nosec B105
    return "".join((*pieces, text[kept:]))
