"""URLs: what is one, how it is shown without secrets, and the path of one that names a local file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

# Two letters or more: one is a drive. A Path has made one slash of two.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://?")
_USER = re.compile(r"[^/?#]*@")
_NO_PORT = re.compile(r"[^/?#\[@]*:(?!\d*(?:[/?#]|$))")  # of a malformed URL: a password with a slash in it, perhaps
_LOCAL = "file"
_WEB = frozenset({"http", "https"})


def is_url(argument: str | Path) -> bool:
    """Tell whether an argument is a URL rather than a path; also one that was made a path.

    Examples
    --------
    >>> is_url("s3://archive/d80"), is_url("D:/photos"), is_url("photos/2010")
    (True, False, False)
    """
    text = str(argument)
    found = _URL.match(text)
    return found is not None and (found[0].endswith("//") or isinstance(argument, Path))


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, in lower case."""
    return url.partition(":")[0].lower()


def is_web(url: str) -> bool:
    """Tell whether a URL is one of http or https, in which ``?`` starts a query."""
    return scheme_of(url) in _WEB


def shown_url(url: str) -> str:
    """Return a URL as it may be shown and kept: without user and password, and without a query, which may be a key.

    Examples
    --------
    >>> shown_url("https://me:secret@example.com/a.NEF?token=abc")
    'https://example.com/a.NEF'
    """
    found = _URL.match(url)
    if found is None:
        return url
    opening = f"{found[0].rstrip('/')}//"
    user = _USER.match(url, found.end())
    if user is None and _NO_PORT.match(url, found.end()):
        return f"{opening}..."
    rest = url[user.end() if user else found.end() :]
    if is_web(url):
        rest = without_query(rest)
    return opening + rest


def without_query(url: str) -> str:
    """Return a URL of the web without what is asked of the page."""
    return re.split("[?#]", url, maxsplit=1)[0]


def url_name(url: str) -> str:
    """Return the name of the file that a URL names: its last part, decoded where the web encodes it.

    Examples
    --------
    >>> url_name("https://example.com/2010/DSC%200001.NEF?size=a.b"), url_name("s3://archive/50%25.NEF")
    ('DSC 0001.NEF', '50%25.NEF')
    """
    name = shown_url(url).rstrip("/").rpartition("/")[2]
    decoded = unquote(name) if is_web(url) else name
    return name if "/" in decoded else decoded


def local_path(argument: str | Path) -> str:
    """Return the path that an argument stands for, which is no URL or one of scheme ``file``.

    Examples
    --------
    >>> local_path("file:///home/me/my%20photos")
    '/home/me/my photos'
    """
    text = os.fspath(argument)
    if not is_file_url(text):
        return text
    rest = text[len(_LOCAL) + 3 :]
    path = unquote(rest.removeprefix("localhost"), errors="surrogateescape")
    return path[1:] if os.name == "nt" and re.match("/[A-Za-z]:", path) else path


def expanded(path: str | Path) -> Path:
    """Return a path with the home folder that its ``~`` stands for; as it is where there is no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError instead


def is_file_url(argument: str | Path) -> bool:
    """Tell whether an argument is a URL of a file on this machine."""
    text = str(argument)
    return is_url(text) and scheme_of(text) == _LOCAL and text[len(_LOCAL) + 3 :].partition("/")[0] in ("", "localhost")
