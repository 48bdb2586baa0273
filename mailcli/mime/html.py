"""HTML to readable text: a tree by selectolax (lexbor), walked with a stack of our own.

No script, no remote load, nothing run. Paragraphs are not wrapped: the screen knows its width.
Links are numbered and listed at the end; quotes get `> `; tables that hold data stay tables;
hidden preheaders and tracking pixels are dropped. Sources that would keep the tree builder busy
for too long (thousands of open elements) are read by `striphtml` instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser

from mailcli.mime import originals, striphtml
from mailcli.mime.htmltable import Table
from mailcli.mime.htmltext import Links, Page
from mailcli.model import pattern

_MAX_SOURCE: Final = 8_000_000
_MAX_DEPTH: Final = 400
_MAX_OPTIONS: Final = 2_000
_TAG: Final = pattern.compile(r"<(/?)([a-zA-Z][^\s/<>]{0,30})")
_LONG_TAG: Final = pattern.compile(r"<[a-zA-Z][^<>]{8000,}")
# Void, or closed by the next of their kind: they do not nest by themselves.
_FLAT: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
     "track", "wbr", "p", "li", "td", "th", "tr", "dd", "dt", "option", "thead", "tbody", "tfoot",
     "html", "head", "body", "v:fill", "v:stroke", "v:imagedata"}
)  # fmt: skip
_SKIPPED: Final = frozenset(
    {"script", "style", "head", "title", "noscript", "template", "svg", "math", "object", "iframe",
     "audio", "video", "canvas", "select", "textarea", "xml", "map", "datalist", "frameset", "applet"}
)  # fmt: skip
_BLOCKS: Final = frozenset(
    {"div", "section", "article", "header", "footer", "main", "nav", "aside", "center", "address",
     "fieldset", "legend", "form", "figure", "figcaption", "details", "summary", "dl", "dt", "tr",
     "caption", "html", "body", "tbody", "thead", "tfoot"}
)  # fmt: skip
_PARAGRAPHS: Final = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
)  # fmt: skip
_HIDDEN: Final = pattern.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*[01](?:px|pt)?\s*(?:;|!|$)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)|opacity\s*:\s*0\s*(?:;|!|$)",
    re.IGNORECASE,
)
_BAR: Final = pattern.compile(r"border-left\s*:\s*(?!none|0)[^;]*(?:solid|double|dashed|#)", re.IGNORECASE)
_RULE: Final = pattern.compile(r"border-top\s*:\s*solid", re.IGNORECASE)
_NO_BAR: Final = pattern.compile(r"border\s*:\s*(?:none|0)|border-width\s*:\s*0", re.IGNORECASE)
_TIGHT: Final = pattern.compile(r"margin(?:-(?:top|bottom))?\s*:\s*0", re.IGNORECASE)
_TINY: Final = pattern.compile(r"\s*[012](?:px)?\s*")
_BULLETS: Final = frozenset("·o§•-–oØvü")

Leave = Callable[[], None]


def render(source: str) -> str:
    """The readable text of an HTML document; LF, no trailing one. Never raises."""
    if not _tame(source):
        return striphtml.strip(source)
    tree = LexborHTMLParser(source)
    body = tree.body or tree.root
    if body is None:
        return striphtml.strip(source)
    links = Links()
    page = Page()
    _Walk(page, links).run(body)
    text = originals.marked(page.text())
    listed = links.text()
    return f"{text}\n\n{listed}" if listed else text


def _tame(source: str) -> bool:
    """Whether the tree builder's time will be in proportion to the source.

    Measured: 100,000 open `<div>` take it 22 s, 50,000 `<option>` 10 s, 20,000 attributes 1 s.
    """
    if len(source) > _MAX_SOURCE:
        return False
    depth = options = 0
    for close, name in _TAG.findall(source):
        name = name.lower()
        if name in _FLAT:
            options += name == "option"
            continue
        if not close:
            depth += 1
            if depth > _MAX_DEPTH:
                return False
        elif depth:
            depth -= 1
    if options > _MAX_OPTIONS:
        return False
    return all(len(match[0].split()) < 1000 for match in _LONG_TAG.finditer(source))


class _Walk:
    """One walk over a subtree; what stands on the stack is a node to enter or a way to leave one."""

    def __init__(self, page: Page, links: Links) -> None:
        self.page = page
        self.links = links
        self.numbers: list[int] = []  # of open <ol>; -1 stands for <ul>
        self.items = 0  # that are open
        self.preformatted = 0

    def run(self, root: Any) -> None:
        todo: list[Any] = [root.child] if root.child is not None else []
        while todo:
            item = todo.pop()
            if not hasattr(item, "tag"):
                item()
                continue
            if item.next is not None:
                todo.append(item.next)
            name = item.tag
            if name is None:  # a processing instruction: <?xml …?>
                continue
            if name == "-text":
                text = item.text_content or ""
                if "safelinks.protection" in text:
                    text = self.links.unwrapped(text)
                if self.preformatted:
                    self.page.verbatim(text)
                else:
                    self.page.write(text)
                continue
            if name[0] in "-_!" or name in _SKIPPED:
                continue
            self.element(item, name, todo)

    def element(self, node: Any, name: str, todo: list[Any]) -> None:
        """Enter an element: what it writes, and on the stack its end and its first child."""
        page = self.page
        if name == "br":
            page.line_break()
            return
        attributes = node.attributes
        style = attributes.get("style") or ""
        if "hidden" in attributes or (style and _HIDDEN.search(style)):
            return
        leave: Leave | None = None
        if name == "a":
            leave = self.anchor(attributes)
        elif name == "img":
            self.image(attributes)
            return
        elif name == "hr":
            page.rule()
            return
        elif name == "table":
            if self.table(node):
                return
            page.end_line()
            leave = page.end_line
        elif name in ("td", "th"):
            page.cell()
            leave = page.cell
        elif name == "blockquote":
            leave = self.quote("    " if style and _NO_BAR.search(style) and not _BAR.search(style) else "> ")
        elif name in ("ul", "ol", "menu", "dir"):
            leave = self.listing(name, attributes)
        elif name == "li":
            leave = self.item()
        elif name == "dd":
            page.end_line()
            leave = page.indent("    ")
        elif name in _PARAGRAPHS:
            leave = self.paragraph(name, attributes, style)
        elif name in _BLOCKS:
            leave = self.block(style)
        elif style and "mso-list" in style.lower() and "ignore" in style.lower():
            self.bullet(node)
            return
        if leave is not None:
            todo.append(leave)
        if node.child is not None:
            todo.append(node.child)

    def block(self, style: str) -> Leave:
        """A division: a quotation if it has a bar at its left (Outlook), ruled if it has one above."""
        page = self.page
        page.end_line()
        if style and "border" in style:
            if _BAR.search(style):
                return self.quote("> ")
            if _RULE.search(style):
                page.rule()
        return page.end_line

    def paragraph(self, name: str, attributes: dict[str, str | None], style: str) -> Leave:
        page = self.page
        if name == "p":
            kind = attributes.get("class") or ""
            # Word gives its paragraphs no margin, and empty ones between them
            if (kind.startswith("Mso") and "ListParagraph" not in kind) or _TIGHT.search(style):
                page.end_line()
                return page.end_paragraph_line
        if name == "pre":
            page.blank()
            self.preformatted += 1
            page.skip_newline()

            def leave() -> None:
                self.preformatted -= 1
                page.blank()

            return leave
        page.blank()
        if name in ("h1", "h2"):
            return lambda: page.underline("=" if name == "h1" else "-")
        return page.blank

    def quote(self, prefix: str) -> Leave:
        self.page.end_line()
        leave = self.page.indent(prefix)

        def end() -> None:
            leave()
            self.page.blank()

        return end

    def listing(self, name: str, attributes: dict[str, str | None]) -> Leave:
        page = self.page
        nested = bool(self.numbers)
        if nested:
            page.end_line()
        else:
            page.blank()
        # Outlook lays a list straight into a list, where an item belongs between them.
        straight = None
        if nested and self.items < len(self.numbers):
            straight = page.indent("    " if len(self.numbers) == 1 else "  ")
        self.items += straight is not None
        start = attributes.get("start") or "1"
        self.numbers.append(-1 if name != "ol" else int(start) if re.fullmatch(r"\d{1,6}", start) else 1)

        def leave() -> None:
            self.numbers.pop()
            if not nested:
                page.blank()
                return
            page.end_line()
            if straight is not None:
                self.items -= 1
                straight()

        return leave

    def item(self) -> Leave:
        page = self.page
        page.end_line()
        mark = "* "
        if self.numbers and self.numbers[-1] >= 0:
            mark = f"{self.numbers[-1]}. "
            self.numbers[-1] += 1
        leave = page.indent(" " * len(mark), first="  " + mark if len(self.numbers) < 2 else mark, more="  ")
        self.items += 1

        def end() -> None:
            self.items -= 1
            leave()

        return end

    def bullet(self, node: Any) -> None:
        """Word's lists: the bullet is text, in a font of its own."""
        text = (node.text() or "").replace("\xa0", " ").strip()
        self.page.write("* " if text in _BULLETS else f"{text} ")

    def anchor(self, attributes: dict[str, str | None]) -> Leave | None:
        target = self.links.target(attributes.get("href") or "")
        if not target:
            return None
        page = self.page
        mark = page.mark()

        def leave() -> None:
            label = page.since(mark)
            if label is not None:
                page.attach(self.links.reference(target, label))

        return leave

    def image(self, attributes: dict[str, str | None]) -> None:
        """The words that stand for an image; trackers and spacers have none."""
        for side in ("width", "height"):
            if _TINY.fullmatch(attributes.get(side) or "none"):
                return
        words = " ".join(
            (attributes.get("alt") or "").replace("Description automatically generated", "").split()
        )
        if words:
            self.page.write(f"[{words[:100]}]")
        elif (attributes.get("src") or "").lower().startswith("cid:"):
            self.page.write("[image]")

    def table(self, node: Any) -> bool:
        """Write a table of data; false for one that only lays out the page."""
        table = Table.of(node)
        if table is None:
            return False
        rows: list[list[str]] = []
        for cells in table.rows:
            row = []
            for cell in cells:
                page = Page()
                _Walk(page, self.links).run(cell)
                row.append(page.text())
            rows.append(row)
        lines = table.lines(rows)
        self.page.blank()
        for line in lines:
            self.page.verbatim(line + "\n")
        self.page.blank()
        return True
