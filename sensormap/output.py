"""Files that appear whole or not at all, and the question beforehand whether they can."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from sensormap.errors import OutputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

Objection = Callable[[BinaryIO], str]
"""Says, of a file that lies there and is open for reading, why it must not be replaced; "" if it may be."""

PART_OPENING, PART_ENDING = ".sensormap-", ".part"
"""How the name of a file that is being written begins and ends; a killed run leaves it behind."""

_TOKEN_BYTES = 8
_PART = re.compile(rf"{re.escape(PART_OPENING)}[0-9a-f]{{{2 * _TOKEN_BYTES}}}{re.escape(PART_ENDING)}")
_swept: set[Path] = set()  # folders where leftovers of other runs were looked for

_MOST_LINKS = 40  # that one name leads through; as many as Linux follows
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
_STDOUT = "-o - writes to stdout"
_ELSEWHERE = "move it away or name another place"


def check_writable(path: Path, *, overwrite: bool = False, objection: Objection | None = None) -> None:
    """Refuse a result file that could not be written; meant to be asked before hours of work.

    Parameters
    ----------
    path
        Place of the file. Of a symbolic link its target counts.
    overwrite
        Whether a file that lies there may be replaced.
    objection
        Test for files that may not be replaced even so; None to replace any.

    Raises
    ------
    OutputError
        As `destination`; if a file exists and there is an objection to it, or no `overwrite`; or if its folder takes
        no new file.
    """
    target = _replaceable(path, overwrite, objection, hint=_STDOUT)
    try:
        # Only making a file tells: permission bits say nothing of read-only disks, quotas or the superuser.
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise _failure(path, error) from error


def unless_opening(opening: bytes, what: str) -> Objection:
    """Object to files of another kind, such as the photo that a slip of the shell named as output.

    Parameters
    ----------
    opening
        First bytes of files of the right kind; empty ones may be replaced too.
    what
        Name of that kind.

    Returns
    -------
    Objection
        The test.
    """

    def objection(file: BinaryIO) -> str:
        found = file.read(len(opening))
        return "" if found in (b"", opening) else f"is no {what}; --overwrite replaces only those"

    return objection


def write_atomically(
    content: bytes, path: Path, *, overwrite: bool = False, objection: Objection | None = None
) -> None:
    """Write a file such that a run killed at any moment leaves the old file or the new one, never half.

    Parameters
    ----------
    content
        Bytes of the file.
    path
        Place of the file. The content goes into a file beside it and is on the disk before that file takes the name
        `path`. Of a symbolic link the target is written, and the link stays.
    overwrite, objection
        As for `check_writable`; what lies there is looked at once more just before it is replaced.

    Raises
    ------
    OutputError
        As `check_writable`, and if the disk fills up; the temporary file is then removed.
    """
    target = _replaceable(path, overwrite, objection)
    _remove_leftovers(target.parent)
    temporary = target
    try:
        temporary, file = _new_part(target)
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            _name_new(temporary, target)
        except FileExistsError:
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            if _replaceable(path, overwrite, objection) != target:
                msg = f"{path}: leads to another file than before, expected {target}"
                raise OutputError(msg) from None
            if not overwrite:  # what came in the meantime has gone again, and may come back
                raise OutputError(_exists(path, target)) from None
            temporary.replace(target)
    except OutputError:
        raise
    except OSError as error:
        raise _failure(path, error) from error
    finally:
        if temporary != target:
            temporary.unlink(missing_ok=True)


def _new_part(target: Path) -> tuple[Path, BinaryIO]:
    """Make the file that gets a content before its name, locked while it is open, which tells others that it is ours.

    Raises
    ------
    OSError
        If its folder takes no new file.
    """
    while True:
        part = target.with_name(f"{PART_OPENING}{secrets.token_hex(_TOKEN_BYTES)}{PART_ENDING}")
        file = part.open("xb")
        if not _locked(file, wait=True):
            return part, file  # a file system without locks: nobody removes what is there
        if part.exists():  # nobody has taken it for a leftover before it was locked
            return part, file
        file.close()


def _locked(file: BinaryIO, *, wait: bool) -> bool:
    """Lock a file as long as it is open; tell whether that could be done."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs were writing into a folder; asked of each folder once, as it may be a large one."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are
    if folder in _swept:
        return
    _swept.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name):
                with suppress(OSError), open(entry.path, "rb") as file:  # noqa: PTH123
                    if _locked(file, wait=False):  # whoever writes it has ended
                        os.unlink(entry.path)  # noqa: PTH108


def destination(path: Path, *, hint: str = _ELSEWHERE) -> Path:
    """Return the name that a file written to `path` gets: where symbolic links lead, whether a file is there or not.

    Parameters
    ----------
    path
        Place of the file.
    hint
        Advice for the message where something else than a file is there.

    Raises
    ------
    OutputError
        If a folder, a pipe, a socket or a device is there, or what a program has open (``/dev/stdout``); if links lead
        in a circle; or if the file's folder is missing or none.
    """
    try:
        hops = _hops(path)
        target = hops[-1]
        problem = _folder_problem(path.parent) or _kind_problem(path, hint)
        if not problem and any(map(_is_open_file, hops)):
            problem = f"{_as_link(path)}what a program has open, expected a file; {hint}"
        if not problem and (missing := _folder_problem(target.parent)):
            problem = f"is a link to {target}: {missing}"
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise _failure(path, error) from error
    if problem:
        msg = f"{path}: {problem}"
        raise OutputError(msg)
    return target


def _replaceable(path: Path, overwrite: bool, objection: Objection | None, *, hint: str = _ELSEWHERE) -> Path:
    """Return the destination, once what lies there may be replaced."""
    target = destination(path, hint=hint)
    if not os.path.lexists(path):
        return target
    if objection is not None and (problem := _objection_of(objection, path, target)):
        msg = f"{path}: {'' if overwrite else 'exists already and '}{problem}"
        raise OutputError(msg)
    if not overwrite:
        raise OutputError(_exists(path, target))
    return target


def _exists(path: Path, target: Path) -> str:
    hint = "; --overwrite replaces it" if target == path else f", a link to {target}; --overwrite writes that"
    return f"{path}: exists already{hint}"


def _objection_of(objection: Objection, path: Path, target: Path) -> str:
    """Return what there is to object to the file at `target`, if there is one."""
    try:
        with target.open("rb") as file:
            return objection(file)
    except FileNotFoundError:
        return ""
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise OutputError(msg) from error


def _name_new(temporary: Path, target: Path) -> None:
    """Give a file a name that nothing has yet, or raise FileExistsError: it may have been taken in the meantime."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # A file system without links. Renaming would replace; making a file tells, and keeps the name.
        target.open("xb").close()
        try:
            temporary.replace(target)
        finally:
            if temporary.exists() and not target.stat().st_size:
                target.unlink()


def _hops(path: Path) -> list[Path]:
    """Return a name, and if it is a link all names that it leads through, down to one that is none."""
    hops = [path]
    while hops[-1].is_symlink():
        if len(hops) > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        hops.append(hops[-1].parent / hops[-1].readlink())
    return hops


def _folder_problem(folder: Path) -> str:
    """Say why nothing can lie in a folder; "" if it can."""
    if folder.is_dir():
        return ""
    return f"{folder} is not a folder" if folder.exists() else f"the folder {folder} does not exist; make it first"


def _kind_problem(path: Path, hint: str) -> str:
    """Say what is at the end of a path if it is no regular file; "" if it is one or nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return ""
    if stat.S_ISDIR(mode):
        return "is a directory, expected a file name"
    if stat.S_ISREG(mode):
        return ""
    return f"{_as_link(path)}{_KINDS.get(stat.S_IFMT(mode), 'no regular file')}, expected a file; {hint}"


def _as_link(path: Path) -> str:
    return "is a link to " if path.is_symlink() else "is "


def _is_open_file(path: Path) -> bool:
    """Tell whether a name stands for a descriptor of a program, as ``/dev/stdout`` does: its file has other readers."""
    folder = Path(os.path.realpath(path.parent))
    return folder.is_relative_to("/proc") or folder == Path("/dev/fd")


def _failure(path: Path, error: OSError | ValueError) -> OutputError:
    """Say what the operating system objects to, without its number and path."""
    return OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")
