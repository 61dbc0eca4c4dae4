"""A `Grid` as Markdown, LaTeX (booktabs) and HTML."""

import html
from collections.abc import Callable, Iterable

from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row

TEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "…": r"\dots{}",
    **{sign: f"{{{sign}}}" for sign in "[]*"},  # after the end of a row, [ and * would be arguments
    "×": r"$\times$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
}
#: Letters up to this one every LaTeX reads in UTF-8.
LAST_OF_LATIN = 0x24F
#: Opens a group that brings a table wider than the page down to the page's width.
SHRINK = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"
#: Besides Markdown's own signs, those that GitHub reads as a formula, a struck line or an entity.
MARKDOWN = {sign: f"\\{sign}" for sign in "\\`*_[]<>|$~&"}

STYLE = """\
body { font: 14px/1.4 system-ui, sans-serif; color: #222; margin: 1.5em; }
table { border-collapse: collapse; border-top: 2px solid #222; border-bottom: 2px solid #222; margin: 1em 0; }
h1 { font-size: 1em; }
caption { text-align: left; font-weight: 600; padding-bottom: .6em; }
th, td { padding: .25em .8em; text-align: left; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
thead tr:last-child th { border-bottom: 1px solid #222; }
th.group { text-align: center; border-bottom: 1px solid #999; }
tr.rule td, tr.rule th { border-top: 1px solid #999; }
tbody th { font-weight: normal; }
tr.muted td, tr.muted th { color: #666; }
p { max-width: 60em; font-size: .87em; color: #444; margin: .3em 0; }
"""


def to_markdown(grid: Grid) -> str:
    """GitHub-flavoured Markdown; groups of columns go into the columns' names, since Markdown has one header line."""
    parts = [f"**{escape_markdown(grid.title)}**"]
    for panel in grid.panels:
        groups = [label for label, span in panel.groups for _ in range(span)] or [""] * len(panel.columns)
        heads = [*panel.stubs, *(f"{group} {name}".strip() for group, name in zip(groups, panel.columns, strict=True))]
        lines = [heads, ["---"] * len(heads)]
        lines += [[*row.labels, *(cell.plain for cell in row.cells)] for row in panel.rows]
        text = [[escape_markdown(item) if item != "---" else item for item in line] for line in lines]
        for row, line in zip(panel.rows, text[2:], strict=True):
            line[len(panel.stubs) :] = [_cell(cell, escape_markdown, "**{}**") for cell in row.cells]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in text))
    return "\n\n".join([*parts, *(escape_markdown(note) for note in grid.notes)]) + "\n"


def to_latex(grid: Grid) -> str:
    """A ``table`` environment for ``\\input``; its first lines name what it needs."""
    lines = [
        "% Needs \\usepackage{booktabs,graphicx}.",
        "\\begin{table}[tb]",
        "\\centering\\small",
        f"\\caption{{{_tex(grid.title)}}}",
        f"\\label{{tab:{grid.name.replace('_', '-')}}}",
    ]
    for panel in grid.panels:
        lines += [SHRINK, *_latex_panel(panel), "}\\par\\medskip"]
    lines += [f"{{\\footnotesize {_tex(note)}\\par}}" for note in grid.notes]
    text = "\n".join([*lines, "\\end{table}"]) + "\n"
    beyond_latin = any(ord(sign) > LAST_OF_LATIN for sign in text)
    return f"% Needs XeLaTeX or LuaLaTeX, and a font with the letters of these names.\n{text}" if beyond_latin else text


def _latex_panel(panel: Panel) -> Iterable[str]:
    stubs, width = len(panel.stubs), len(panel.columns)
    yield f"\\begin{{tabular}}{{{'l' * (stubs + width)}}}"
    yield "\\toprule"
    if panel.groups:
        spans = [f"\\multicolumn{{{span}}}{{c}}{{{_tex(label)}}}" for label, span in panel.groups]
        yield " & ".join([""] * stubs + spans) + r" \\"
        start, rules = stubs + 1, []
        for _, span in panel.groups:
            rules.append(f"\\cmidrule(lr){{{start}-{start + span - 1}}}")
            start += span
        yield "".join(rules)
    yield " & ".join(_tex(name) for name in (*panel.stubs, *panel.columns)) + r" \\"
    yield "\\midrule"
    for row in panel.rows:
        if row.rule:
            yield "\\midrule"
        cells = (_cell(cell, _tex, "\\textbf{{{}}}") for cell in row.cells)
        yield " & ".join([*map(_tex, row.labels), *cells]) + r" \\"
    yield "\\bottomrule"
    yield "\\end{tabular}"


def to_html(grid: Grid) -> str:
    """A page of its own, as the report of the workflow shows it."""
    tables = "\n".join(_html_panel(panel, grid.title if index == 0 else "") for index, panel in enumerate(grid.panels))
    tables = tables or f"<h1>{html.escape(grid.title)}</h1>"
    notes = "\n".join(f"<p>{html.escape(note)}</p>" for note in grid.notes)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(grid.title)}</title>\n'
        f"<style>\n{STYLE}</style></head>\n<body>\n{tables}\n{notes}\n</body>\n</html>\n"
    )


def _html_panel(panel: Panel, title: str) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in (*panel.stubs, *panel.columns))
    lines = ["<table>", f"<caption>{html.escape(title)}</caption>" if title else "", "<thead>"]
    if panel.groups:
        spans = (f'<th class="group" colspan="{span}">{html.escape(label)}</th>' for label, span in panel.groups)
        lines.append(f'<tr><th colspan="{len(panel.stubs)}"></th>{"".join(spans)}</tr>')
    lines += [f"<tr>{head}</tr>", "</thead>", "<tbody>", *map(_html_row, panel.rows), "</tbody>", "</table>"]
    return "\n".join(line for line in lines if line)


def _html_row(row: Row) -> str:
    names = " ".join(name for name, wanted in (("rule", row.rule), ("muted", row.muted)) if wanted)
    labels = "".join(f"<th>{html.escape(label)}</th>" for label in row.labels)
    cells = "".join(f"<td>{_cell(cell, html.escape, '<strong>{}</strong>')}</td>" for cell in row.cells)
    return f"<tr{f' class={chr(34)}{names}{chr(34)}' if names else ''}>{labels}{cells}</tr>"


def _cell(cell: Cell, escape: Callable[[str], str], bold: str) -> str:
    text = bold.format(escape(cell.text)) if cell.bold else escape(cell.text)
    return text + escape(cell.rest + (f" {cell.marks}" if cell.marks else ""))


def _tex(text: str) -> str:
    return "".join(TEX.get(sign, sign) for sign in text)


def escape_markdown(text: str) -> str:
    """``text`` as it is, in a line of GitHub-flavoured Markdown or in a cell of its tables."""
    return "".join(MARKDOWN.get(sign, sign) for sign in text)
