"""HTML and SVG as trees: text from files can never become markup, since nothing here joins strings of markup."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

from sensormap.report.table import Table
from sensormap.report.words import plain

Child = Element | str | None
_WHOLE = re.compile(r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d)?)?|\b\d{1,3}(?: \d{3})+\b)")


def element(tag: str, *children: Child, **attributes: str | float | bool | None) -> Element:
    """Return an element with children in order.

    Parameters
    ----------
    tag
        Its name.
    children
        Elements and texts; what does not print in a text becomes an escape. None is left out.
    attributes
        By name, an underscore for a hyphen, and one at the end dropped (``class_``). None and False are left out, True
        is an attribute without a value.

    Examples
    --------
    >>> html_text(element("p", "1 < 2 ", element("b", "&"), class_="x"))
    '<p class="x">1 &lt; 2 <b>&amp;</b></p>'
    """
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            key = name.rstrip("_").replace("_", "-")
            made.set(_CASED.get(key, key), "" if value is True else plain(_text(value)))
    append(made, *children)
    return made


def append(parent: Element, *children: Child) -> None:
    """Add children to an element, behind those that it has."""
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            parent.append(child)
        elif len(parent):
            parent[-1].tail = (parent[-1].tail or "") + plain(child)
        else:
            parent.text = (parent.text or "") + plain(child)


def prose(text: str) -> list[Child]:
    """Return text as children of an element, in which no line breaks within a time or between thousands.

    Examples
    --------
    >>> html_text(element("p", *prose("one in 44 000, since 2009-04-18 12:36")))
    '<p>one in <span class="whole">44 000</span>, since <span class="whole">2009-04-18 12:36</span></p>'
    """
    parts = _WHOLE.split(text)
    return [element("span", part, class_="whole") if i % 2 else part for i, part in enumerate(parts) if part]


def html_text(root: Element) -> str:
    """Return an element as HTML; what is in a script or a style stands there as it is."""
    return tostring(root, encoding="unicode", method="html")


def table_element(table: Table, *, class_: str | None = None, caption: str = "") -> Element:
    """Return a table of plain text; one without a header has its rows' names in the first column.

    Parameters
    ----------
    table
        The table. Its title is left to the caller; its note is not shown.
    class_
        CSS class.
    caption
        Text that says what the table is, for those who do not see the page; "" for none.
    """
    titled = any(table.header)
    head = element(
        "tr",
        *(_head(name, _right(table, i)) for i, name in enumerate(table.header)),
    )
    body = element("tbody")
    for row in table.rows:
        cells = [
            element("th", *prose(cell), scope="row")
            if not i and not titled
            else element("td", *prose(cell), class_=_right(table, i))
            for i, cell in enumerate(row)
        ]
        append(body, element("tr", *cells))
    return element(
        "table",
        element("caption", caption, class_="unseen") if caption else None,
        element("thead", head) if titled else None,
        body,
        class_=class_,
    )


def _head(name: str, class_: str | None) -> Element:
    """Return the head of a column; one without a name is none."""
    return element("th", name, scope="col", class_=class_) if name else element("td")


def scrolled(table: Element, label: str) -> Element:
    """Return a table in a frame that scrolls sideways on a narrow screen, also by the keyboard; `label` names it."""
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


# Attributes of SVG whose names have capitals, which HTML parsers restore; a keyword argument may have them too.
_CASED = {"viewbox": "viewBox"}


def _right(table: Table, column: int) -> str | None:
    return "right" if column in table.right else None


def _text(value: str | float) -> str:
    """Return a value of an attribute; numbers with at most two decimals."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
