"""Text as it is in Markdown."""

#: Besides Markdown's own signs, those that GitHub reads as a formula, a struck line or an entity.
MARKDOWN = {sign: f"\\{sign}" for sign in "\\`*_[]<>|$~&"}


def escape_markdown(text: str) -> str:
    """``text`` as it is, in a line of GitHub-flavoured Markdown or in a cell of its tables."""
    return "".join(MARKDOWN.get(sign, sign) for sign in text)
