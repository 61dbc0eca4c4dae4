"""A `Grid` as Markdown, LaTeX (booktabs) and HTML."""

import html
from collections.abc import Callable, Iterable

from imbalance_aware.reporting.grid import Cell, Grid, Panel, Row
from imbalance_aware.reporting.markdown import escape_markdown

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
    "≈": r"$\approx$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
}
#: Letters up to this one every LaTeX reads in UTF-8.
LAST_OF_LATIN = 0x24F
#: Opens a group that brings a table wider than the page down to the page's width.
SHRINK = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"

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
    parts += map(markdown_panel, grid.panels)
    return "\n\n".join([*parts, *(escape_markdown(note) for note in grid.notes)]) + "\n"


def markdown_panel(panel: Panel) -> str:
    """One panel, with its title above if it has one."""
    groups = [label for label, span in panel.groups for _ in range(span)] or [""] * len(panel.columns)
    heads = [*panel.stubs, *(f"{group} {name}".strip() for group, name in zip(groups, panel.columns, strict=True))]
    lines = [heads, ["---"] * len(heads)]
    lines += [[*row.labels, *(cell.plain for cell in row.cells)] for row in panel.rows]
    text = [[escape_markdown(item) if item != "---" else item for item in line] for line in lines]
    for row, line in zip(panel.rows, text[2:], strict=True):
        line[len(panel.stubs) :] = [_cell(cell, escape_markdown, "**{}**") for cell in row.cells]
    title = [f"*{escape_markdown(panel.title)}*"] if panel.title else []
    return "\n\n".join([*title, "\n".join(f"| {' | '.join(line)} |" for line in text)])


def to_latex(grid: Grid) -> str:
    """``table`` environments for ``\\input``: one, or one for each panel with a title of its own.

    A table of many panels then fits on pages. The first lines name what they need.
    """
    lines = ["% Needs \\usepackage{booktabs,graphicx}."]
    notes = [f"{{\\footnotesize {_tex(note)}\\par}}" for note in grid.notes]
    label = f"tab:{grid.name.replace('_', '-')}"
    titled = [panel for panel in grid.panels if panel.title]
    for number, panel in enumerate(titled, 1):
        below = notes if number == len(titled) else []
        lines += _latex_float(f"{grid.title}. {panel.title}", f"{label}-{number}", [panel], below)
    if not titled:
        lines += _latex_float(grid.title, label, grid.panels, notes)
    text = "\n".join(lines) + "\n"
    beyond_latin = any(ord(sign) > LAST_OF_LATIN for sign in text)
    return f"% Needs XeLaTeX or LuaLaTeX, and a font with the letters of these names.\n{text}" if beyond_latin else text


def _latex_float(title: str, label: str, panels: Iterable[Panel], notes: Iterable[str]) -> Iterable[str]:
    yield from ("\\begin{table}[tb]", "\\centering\\small", f"\\caption{{{_tex(title)}}}", f"\\label{{{label}}}")
    for panel in panels:
        yield from (SHRINK, *_latex_panel(panel), "}\\par\\medskip")
    yield from (*notes, "\\end{table}")


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
    alone = not grid.panels or bool(grid.panels[0].title)
    titles = [panel.title or (grid.title if index == 0 else "") for index, panel in enumerate(grid.panels)]
    tables = "\n".join(map(html_panel, grid.panels, titles))
    tables = "\n".join([*([f"<h1>{html.escape(grid.title)}</h1>"] if alone else []), *([tables] if tables else [])])
    notes = "\n".join(f"<p>{html.escape(note)}</p>" for note in grid.notes)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(grid.title)}</title>\n'
        f"<style>\n{STYLE}</style></head>\n<body>\n{tables}\n{notes}\n</body>\n</html>\n"
    )


def html_panel(panel: Panel, title: str) -> str:
    """One panel under a title, which may be empty."""
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
