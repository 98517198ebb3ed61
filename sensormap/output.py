"""Files that appear whole or not at all, and the question beforehand whether they can."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path

from sensormap.errors import OutputError


def check_writable(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a result file that could not be written; meant to be asked before hours of work.

    Parameters
    ----------
    path
        Where the file is to be.
    overwrite
        Whether a file that lies there may be replaced.

    Raises
    ------
    OutputError
        If `path` is a directory or something else than a file, exists without `overwrite`, or its folder is
        missing, is no folder, or takes no new file.
    """
    try:
        if problem := _problem(path, overwrite=overwrite):
            raise OutputError(problem)  # noqa: TRY301
        # Only making a file tells: permission bits say nothing of read-only disks, quotas or the superuser.
        tempfile.TemporaryFile(dir=path.parent).close()
    except OutputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise _failure(path, error) from error


def check_replaces(path: Path, opening: bytes, what: str) -> None:
    """Refuse to replace a file of another kind, such as the photo that a slip of the shell named as output.

    Parameters
    ----------
    path
        Where a file may lie.
    opening
        How files of the right kind begin; empty ones may be replaced too.
    what
        The kind's name.

    Raises
    ------
    OutputError
        If another file lies there.
    """
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # reached by a link, it would keep us waiting
            start = b"|"
        else:
            with path.open("rb") as file:
                start = file.read(len(opening))
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise OutputError(msg) from error
    if start not in (b"", opening):
        msg = f"{path}: is no {what}; --overwrite replaces only those"
        raise OutputError(msg)


def write_atomically(content: bytes, path: Path, *, overwrite: bool = False) -> None:
    """Write a file such that a run killed at any moment leaves the old file or the new one, never half.

    Parameters
    ----------
    content
        What the file is to hold.
    path
        Where. The content goes into a file beside it and is on the disk before that file takes the name `path`;
        a symbolic link is replaced by the file, not followed.
    overwrite
        Whether a file that lies there may be replaced.

    Raises
    ------
    OutputError
        As `check_writable`, and if the disk fills up; the temporary file is then removed.
    """
    check_writable(path, overwrite=overwrite)
    temporary = path.with_name(f".sensormap-{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        _name(temporary, path, overwrite=overwrite)
    except OutputError:
        raise
    except OSError as error:
        raise _failure(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _name(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Give a file its name; without `overwrite` not one that another process has taken in the meantime."""
    if not overwrite:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise OutputError(_exists(path)) from None
        except OSError:  # a file system without links
            pass
        else:
            return
    temporary.replace(path)


def _exists(path: Path) -> str:
    return f"{path}: exists already; --overwrite replaces it"


def _problem(path: Path, *, overwrite: bool) -> str | None:
    """Say what is wrong with the folder, or with what already has this name."""
    folder = path.parent
    if not folder.is_dir():
        return f"{path}: {f'{folder} is not a folder' if folder.exists() else f'the folder {folder} does not exist'}"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if path.is_dir():
        return f"{path}: is a directory, expected a file name"
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        return f"{path}: is not a regular file"
    return None if overwrite else _exists(path)


def _failure(path: Path, error: OSError | ValueError) -> OutputError:
    """Say what the operating system objects to, without its number and path."""
    return OutputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}")
