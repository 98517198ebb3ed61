"""Reading a small file that a user names, without trusting it to be one."""

from __future__ import annotations

import stat
from itertools import islice
from pathlib import Path

_MOST_NAMES = 5000  # of a folder that are looked through for one that was meant


def read_at_most(path: Path, most: int, what: str) -> bytes:
    """Return the bytes of a file that is no larger than files of its kind can be.

    Parameters
    ----------
    path
        The file.
    most
        The size in bytes that no file of the kind exceeds.
    what
        Name of that kind, for messages, such as ``a map``.

    Raises
    ------
    ValueError
        If it cannot be read, is a folder, a pipe or a device, or is larger. The message leaves out the file's name.
    """
    problem, data = "", b""
    try:
        status = path.stat()
        mode, size = status.st_mode, status.st_size
        if stat.S_ISREG(mode):  # a pipe would keep us waiting
            with path.open("rb") as file:
                # As many bytes are reserved as are asked for. One more than there should be tells whether it grows.
                data = file.read(min(size, most) + 1)
        else:
            problem = f"is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or device'}, expected {what}"
    except FileNotFoundError as error:
        msg = f"cannot be read: {error.strerror}{did_you_mean(path)}"
        raise ValueError(msg) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        msg = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ValueError(msg) from error
    if len(data) > most:
        problem = f"larger than {most} bytes, expected {what}"
    if problem:
        raise ValueError(problem)
    return data


def did_you_mean(path: Path) -> str:
    """Return the end of a message about a file or folder that is not there: a similar name, if one lies beside it.

    Parameters
    ----------
    path
        The name that leads nowhere.

    Returns
    -------
    str
        Such as ``; did you mean d80.yaml?``; "" if nothing beside it is called nearly so.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for what goes wrong only

    try:
        names = [one.name for one in islice(path.parent.iterdir(), _MOST_NAMES)]
    except (OSError, ValueError):
        return ""
    near = get_close_matches(path.name, names, n=1, cutoff=0.75)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
