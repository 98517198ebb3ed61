"""Kernels on disk: what is damaged, of other code, or cannot be written costs compiling again, and nothing else."""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
from pathlib import Path

import numpy as np
import pytest

INNER = """
from sensormap.compiled import compiled
@compiled
def inner(value):
    return value + {added}
"""
OUTER = """
from inner_{name} import inner, TIMES
from sensormap.compiled import compiled
@compiled
def outer(values):
    return inner(values[0]) * TIMES
"""
VALUES = np.array([10.0])


class Toy:
    """Two modules with a kernel each, which are imported anew as another process would."""

    def __init__(self, folder, patch):
        self.folder, self.patch, self.imports = folder, patch, 0
        patch.syspath_prepend(str(folder))
        self.write(1)

    def write(self, added, times=2):
        self.inner = INNER.format(added=added) + f"\nTIMES = {times}\n"

    def run(self):
        """Return what the outer kernel makes of `VALUES`, and whether it was compiled for that."""
        import sensormap.compiled

        sensormap.compiled._source_digest.cache_clear()
        name = "toy"
        for file, text in (("inner_toy", self.inner), ("outer_toy", OUTER.format(name=name))):
            path = self.folder / f"{file}.py"
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
            spec = importlib.util.spec_from_file_location(file, path)
            module = importlib.util.module_from_spec(spec)
            self.patch.setitem(__import__("sys").modules, file, module)
            exec(compile(text, str(path), "exec"), module.__dict__)  # past the cache of byte code, which asks for times
        value = module.outer(VALUES)
        return value, bool(module.outer.dispatcher.stats.cache_misses)

    @property
    def files(self):
        return sorted(self.folder.rglob("outer_toy*.kernel"))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    from numba.core import config

    monkeypatch.setattr(config, "CACHE_DIR", "")  # of the environment: kernels are kept beside their source here
    return Toy(tmp_path, monkeypatch)


def test_a_kernel_is_kept_and_found(toy):
    assert [toy.run(), toy.run()] == [(22.0, True), (22.0, False)]
    assert len(toy.files) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-100],
        lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
        lambda content: bytes(len(content)),
        lambda content: b"nonsense" * 100,
    ],
    ids=["empty", "cut", "cut late", "one bit", "zeros", "another file"],
)
def test_a_damaged_kernel_is_compiled_anew_and_told(toy, damage, caplog):
    toy.run()
    (file,) = toy.files
    file.write_bytes(damage(file.read_bytes()))
    with caplog.at_level(logging.INFO, logger="sensormap"):
        assert toy.run() == (22.0, True)
    assert [record.getMessage() for record in caplog.records] == [f"{file}: is damaged; the kernel is compiled anew"]
    assert toy.run() == (22.0, False)


@pytest.mark.parametrize("change", [{"added": 5}, {"added": 1, "times": 3}], ids=["a kernel it calls", "a constant"])
def test_a_kernel_is_compiled_anew_where_what_it_took_in_has_changed(toy, change):
    toy.run()
    toy.write(**change)
    assert toy.run() == ((10 + change["added"]) * change.get("times", 2), True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_without_room_for_kernels_the_work_goes_on(toy, number, monkeypatch, caplog):
    def refuse(path, content):
        with path.open("wb"):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with caplog.at_level(logging.INFO, logger="sensormap"):
        assert toy.run() == (22.0, True)
    assert f"cannot be written: {os.strerror(number)}" in caplog.text
    assert not list(toy.folder.rglob("*.kernel*"))


def test_a_kernel_that_cannot_be_read_is_compiled_anew(toy, caplog):
    toy.run()
    (file,) = toy.files
    file.unlink()
    file.mkdir()
    with caplog.at_level(logging.INFO, logger="sensormap"):
        assert toy.run() == (22.0, True)
    assert "cannot be read: Is a directory" in caplog.text


def test_without_a_folder_for_kernels_each_process_compiles(toy, monkeypatch, caplog):
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with caplog.at_level(logging.INFO, logger="sensormap"):
        assert toy.run()[0] == 22.0
    assert "kernels are not kept" in caplog.text
