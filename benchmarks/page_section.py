"""A section of a page of docs/ that a benchmark rewrites, between two comments."""

from pathlib import Path

from imbalance_aware.files import write_text


def replace_section(page: Path, name: str, script: str, text: str) -> None:
    """Put ``text`` where ``page`` has its section ``name``, or at its end."""
    begin, end = f"<!-- {name}: written by benchmarks/{script} -->", f"<!-- end of {name} -->"
    content = page.read_text(encoding="utf-8") if page.exists() else ""
    before, _, rest = content.partition(begin)
    after = rest.partition(end)[2]
    write_text(page, f"{before.rstrip()}\n\n{begin}\n{text.strip()}\n{end}\n{after.lstrip()}".strip() + "\n")
