"""The command line on a pseudo-terminal."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest

from tests.support.photos import run_script

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")


def on_terminal(*arguments, columns=100, patch=""):
    """Run the command line on a pseudo-terminal; return its exit code and all that it wrote there."""
    main, side = pty.openpty()
    written = []

    def listen():
        while True:
            try:
                data = os.read(main, 65_536)
            except OSError:  # the other side is closed
                return
            written.append(data)

    patch = f"os.environ.update(TERM='xterm', COLUMNS='{columns}')\n{patch}"
    listener = threading.Thread(target=listen)
    listener.start()
    with run_script(*arguments, patch=patch, stdin=subprocess.DEVNULL, stdout=side, stderr=side) as process:
        os.close(side)
        code = process.wait(timeout=60)
    listener.join(timeout=10)
    os.close(main)
    return code, b"".join(written).decode()
