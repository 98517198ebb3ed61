"""The run's side of a Dask cluster: shards without a file go out, and the run goes on when their files are there.

Files, not futures, are the truth: of what a worker says only the digests are used. What it did not write, the run
surveys itself when it comes to that shard.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from threading import Lock
from typing import TYPE_CHECKING, Any

from sensormap.errors import EngineError, OutputError, SensorMapError
from sensormap.frame import Photo, PhotoPath, RemoteFile
from sensormap.output import PART_ENDING, PART_OPENING
from sensormap.settings import DASK, Options
from sensormap.shards.catalogue import FileDigest, file_as_it_is
from sensormap.shards.shard_folder import SHARDS, SurveySettings
from sensormap.shards.state import State
from sensormap.survey.context import Engine, Read
from sensormap.survey.engines.cluster import ask_workers, connected_to, first_line, require_dask, started_workers
from sensormap.survey.engines.culprits import find_culprits
from sensormap.survey.engines.shard_task import ShardTask, look_around, survey_to_file, versions
from sensormap.threads import Progress, raise_if_ended

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

# Dask blames a worker's death on all shards that wait there too: one that is innocent may be sent out again as often.
_MOST_TRIES = 3
_BETWEEN_LOOKS_S = 0.02

# Bytes of the files of a run that keeps none, without compression: of each photosite the sums, of each shard what is
# listed; and how many they may be in all.
_A_PHOTOSITE, _A_SHARD = 7, 40_000_000
_MOST_PASSING = 4 << 30


@contextmanager
def open_engine(options: Options, read: Read | None) -> Iterator[Engine | None]:
    """Return what surveys shards in place of the threads of a run, to be closed after it; None if nothing does.

    Parameters
    ----------
    options
        Options of the run.
    read
        Decoder of the caller's own, or None.

    Raises
    ------
    ValueError
        If there is such a decoder: it cannot be sent to workers.
    MissingExtraError
        If Dask is not installed.
    EngineError
        If the scheduler that the options name cannot be used.
    """
    if options.engine != DASK:
        yield None
        return
    if read is not None:
        msg = "read: a decoder of the caller's own cannot be sent to workers; engine 'threads' takes it"
        raise ValueError(msg)
    require_dask()
    with ExitStack() as stack:
        client = None if options.scheduler is None else stack.enter_context(connected_to(options.scheduler))
        yield _DaskEngine(client, options.threads, stack)


class _DaskEngine:
    """Workers that survey shards, for several bodies at once; those of this machine are started when they are needed.

    Parameters
    ----------
    client
        The workers, or None to start some.
    workers
        Number of those.
    stack
        What is closed after the run.
    """

    def __init__(self, client: Client | None, workers: int, stack: ExitStack) -> None:
        self._client, self._workers, self._stack = client, workers, stack
        self.refused: dict[PhotoPath, str] = {}
        self._lock = Lock()

    def surveyed(
        self,
        photos: tuple[Photo, ...],
        shards: Sequence[range],
        settings: SurveySettings,
        state: State,
        progress: Progress,
    ) -> Generator[range]:
        """Yield each shard when its file is there, or when the run has to survey it itself; see `Engine`."""
        wanted = [numbers for numbers in shards if not state.has_shard(photos[numbers.start : numbers.stop], settings)]
        done = len(photos) - sum(map(len, wanted))
        progress(0, len(photos))
        if not wanted:
            yield from shards
            progress(len(photos), len(photos))
            return
        client = self._started()
        files, tasks, deflate = {}, {}, not (state.passing and _have_room(len(wanted), settings, state.folder))
        for numbers in wanted:
            shard = photos[numbers.start : numbers.stop]
            files[numbers] = [file_as_it_is(photo.path, "") for photo in shard]  # before they are read
            folder, seen = _for_workers_folder(state.folder), tuple(map(_for_workers, shard))
            tasks[numbers] = ShardTask(seen, settings, folder, deflate=deflate)
        _check(client, state, next(iter(tasks.values())))
        progress(done, len(photos))
        with _at_work(_Surveys(client, photos, tasks, self.refused)) as surveys:
            ready = set(shards) - set(wanted)
            for numbers in shards:
                while numbers not in ready:
                    finished = surveys.next(files, state)
                    ready.add(finished)
                    done += len(finished)
                    progress(done, len(photos))
                yield numbers

    def _started(self) -> Client:
        """Return the workers, started if that has not been done."""
        with self._lock:
            if self._client is None:
                self._client = self._stack.enter_context(started_workers(self._workers))
            return self._client


class _Surveys:
    """Shards at work."""

    def __init__(
        self,
        client: Client,
        photos: tuple[Photo, ...],
        tasks: Mapping[range, ShardTask],
        refused: dict[PhotoPath, str],
    ) -> None:
        from distributed import as_completed  # noqa: PLC0415

        self._photos, self._refused = photos, refused

        self._client, self._tasks = client, dict(tasks)
        self._run = uuid.uuid4().hex
        self._tries = Counter[range]()
        self._shard_of = {self._submit(numbers): numbers for numbers in tasks}
        self._completed = as_completed(list(self._shard_of), loop=client.loop)

    def next(self, files: Mapping[range, Sequence[FileDigest | None]], state: State) -> range:
        """Wait for the next shard that a worker is done with, and put it into the state folder's catalogue.

        Parameters
        ----------
        files
            Files of each shard's photos, as they were before.
        state
            The state folder.
        """
        while True:
            while not self._completed.has_ready():
                raise_if_ended()
                time.sleep(_BETWEEN_LOOKS_S)
            future = next(self._completed)
            numbers = self._shard_of.pop(future)
            if self._tell(future, numbers, files[numbers], state):
                return numbers

    def cancel(self) -> None:
        """Drop what has not begun."""
        self._client.cancel(list(self._shard_of))

    def _submit(self, numbers: range) -> Any:
        # The largest first: then no worker is left with a large one when the others have nothing to do any more.
        key = f"sensormap-{self._run}-{numbers.start}-{self._tries[numbers]}"
        task = self._tasks[numbers]
        return self._client.submit(survey_to_file, task, key=key, priority=len(task.photos), pure=False)

    def _tell(self, future: Any, numbers: range, files: Sequence[FileDigest | None], state: State) -> bool:
        """Return whether a shard is done, or else send it out again."""
        from distributed import KilledWorker  # noqa: PLC0415

        if future.status not in ("finished", "error"):
            msg = "the connection to the Dask scheduler was lost"
            raise EngineError(msg)
        error = future.exception()
        if error is None:
            written = future.result()
            if written is not None:
                state.add_written(files, written)
            return True
        if isinstance(error, OutputError):
            log.warning("a worker: %s; its photos are surveyed here", error)
            return True
        if isinstance(error, SensorMapError):
            raise error
        if not isinstance(error, KilledWorker):
            msg = f"a worker: {type(error).__name__}: {first_line(error)}"
            raise EngineError(msg) from error
        self._send_again(numbers)
        return False

    def _send_again(self, numbers: range) -> None:
        """Send out a shard whose workers died, without the photos that they died of."""
        task = self._tasks[numbers]
        first, last = task.photos[0].path.name, task.photos[-1].path.name
        self._tries[numbers] += 1
        if self._tries[numbers] == _MOST_TRIES:
            msg = f"{first} to {last}: every worker that surveys them ends; perhaps its memory does not suffice"
            raise EngineError(msg)
        log.warning("%s to %s: workers end while they survey them; the photos are tried one by one", first, last)
        culprits = find_culprits(task)
        self._refused |= {self._photos[numbers.start + number].path: why for number, why in culprits.items()}
        self._tasks[numbers] = replace(task, culprits=culprits)
        future = self._submit(numbers)
        self._shard_of[future] = numbers
        self._completed.add(future)


@contextmanager
def _at_work(surveys: _Surveys) -> Iterator[_Surveys]:
    """Have shards surveyed; what is not done after the block is cancelled."""
    try:
        yield surveys
    finally:
        surveys.cancel()


def _check(client: Client, state: State, task: ShardTask) -> None:
    """Make sure that all workers see what they need, and understand what they are asked."""
    token = state.folder / SHARDS / f"{PART_OPENING}{uuid.uuid4().hex}{PART_ENDING}"
    try:
        token.touch()
    except OSError as error:
        msg = f"{state.folder}: cannot be written: {error.strerror}"
        raise EngineError(msg) from error
    try:
        photo = next((one.path for one in task.photos if file_as_it_is(one.path, "")), task.photos[0].path)
        ask_workers(client, look_around, task.folder, token.name, photo, versions())
    finally:
        token.unlink(missing_ok=True)


def _have_room(shards: int, settings: SurveySettings, folder: Path) -> bool:
    """Tell whether there is room for some shards' files as they are: compressing them takes a tenth of the run."""
    width, height = settings.profile.raw_size
    size = shards * (width * height * _A_PHOTOSITE + _A_SHARD)
    try:
        return size <= min(_MOST_PASSING, disk_usage(folder).free // 4)
    except OSError:
        return False


def _for_workers(photo: Photo) -> Photo:
    """Return a photo as workers find it, whose current folder is another one."""
    return photo if isinstance(photo.path, RemoteFile) else replace(photo, path=photo.path.absolute())


def _for_workers_folder(folder: Path) -> Path:
    return folder.absolute()
