"""Who shoots: workers on Ray, one to a GPU, each with its engines open, on this machine or on many.

    ray                 every GPU of this machine; where there is none, as many workers as its cores are for
    ray://auto          the cluster that this machine is part of
    ray://HOST:PORT     the cluster of that head; this machine has joined it (`ray start --address=HOST:PORT`)

A worker is a `Here` of its own in a process of its own: what it says comes as a stream. Pictures travel through Ray's
object store; only this process writes to the vault. A worker that dies, for whatever reason, is replaced, and what it
was shooting is dropped: `render` has it shot again. Ray is imported when a crew is called together. May import what
stands above `crew_ray` in the layout.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from storyboard.crew import Crew, Dropped, Here, Lost, Stepped, Word
from storyboard.crew_worker import Said, Sent, Worker
from storyboard.engines.arithmetic import CPU_THREADS
from storyboard.engines.base import Assignment
from storyboard.engines.choice import EngineUse
from storyboard.errors import CommandError, OutOfMemory, ShotError

if TYPE_CHECKING:
    from types import ModuleType

HERE: Final = "here"
LOCAL: Final = "ray"
REMOTE: Final = "ray://"
MOST_STARTS: Final = 3
"""How often in a row a worker is started that dies before it is there."""
PATIENCE: Final = 300.0
"""Seconds in which a worker has to start, while there is no other."""
_STOP: Final = 5.0
"""Seconds that workers have to hear that they shall stop."""
_REACH: Final = 10.0
"""Seconds in which a cluster has to answer."""
_LOG: Final = logging.getLogger("storyboard")


@dataclass(slots=True)
class _Hand:
    """One worker as it is seen from here. All but its number is of Ray's own types."""

    number: int
    actor: Any
    starting: Any
    """Its answer that it is there; None once it has come."""
    since: float
    """When it was started."""
    stream: Any = None
    """Of what it says of the shots in hand; None while it has none."""
    shots: tuple[str, ...] = ()
    """Of those, the ones that it still has to deliver."""
    told: int = 0
    """How many of the crew's texts it knows of."""
    starts: int = 1
    """How often it was started since it was last there."""
    gone: bool = False
    """It will not be started again."""

    @property
    def is_free(self) -> bool:
        return not self.gone and self.starting is None and self.stream is None


class RayCrew:
    """Workers on Ray. Closing it stops all of them, and with a Ray of this machine every process of it."""

    def __init__(self, address: str | None = None, workers: int | None = None, patience: float | None = None) -> None:
        """Call workers together: on the cluster at `address`, or on this machine alone, and no more than `workers`.
        Each has the `patience` of `Here`.

        They are awaited while the first shots are handed out. Raises CommandError where Ray does not start, the cluster
        cannot be reached, or it has fewer GPUs than `workers`; ImportError where Ray is not installed.
        """
        self._ray = _import_ray()
        self._own, self._patience = address is None, patience
        self._words: deque[Word] = deque()
        self._texts: list[tuple[Sent, str]] = []
        self._hands: list[_Hand] = []
        cores = workers or max(1, (os.cpu_count() or 1) // CPU_THREADS)
        try:
            _connect(self._ray, address, cores)
            there = self._ray.cluster_resources()
            gpus = int(there.get("GPU", 0))
            if workers is not None and 0 < gpus < workers:
                message = f"there are {gpus} GPUs, and {workers} workers are asked for"
                raise CommandError(message, "a GPU has one worker")
            # Of a Ray of our own we say ourselves that it has a core for each worker, whatever it really has.
            share = 1 if self._own else CPU_THREADS
            self._needs = {"num_gpus": 1} if gpus else {"num_cpus": share}
            self._actors = self._ray.remote(Worker)
            count = workers or gpus or max(1, int(there.get("CPU", 1)) // share)
            self._hands = [self._started(number) for number in range(count)]
        except BaseException:
            self.close()
            raise

    # What a render asks of a crew

    @property
    def hands(self) -> int:
        return len(self._hands)

    @property
    def free(self) -> Sequence[int]:
        return [hand.number for hand in self._hands if hand.is_free]

    def expect(self, texts: Iterable[tuple[EngineUse, str]]) -> None:
        self._texts += [(Sent.of(use), text) for use, text in texts]

    def submit(self, use: EngineUse, assignments: Sequence[Assignment], hand: int = 0) -> None:
        each = self._hands[hand]
        assert each.is_free, each
        each.shots = tuple(assignment.shot for assignment in assignments)
        # Only what shoots imports engines: two threads of a worker that import the same at once get half of it.
        news, each.told = self._texts[each.told :], len(self._texts)
        shoot = each.actor.shoot.options(num_returns="streaming")
        each.stream = shoot.remote(Sent.of(use), tuple(assignments), news)

    def wait(self, seconds: float) -> Word | None:
        """As the protocol says. Raises ShotError where no worker is left that could shoot."""
        until = time.monotonic() + seconds
        while not self._words:
            self._look(max(0.0, until - time.monotonic()))
            if not self._words and time.monotonic() >= until:
                return None
        return self._words.popleft()

    def cancel(self) -> None:
        self._words.clear()
        busy = [hand for hand in self._hands if hand.stream is not None]
        for hand in busy:
            hand.actor.stop.remote()
        until = time.monotonic() + _STOP
        while any(hand.stream is not None for hand in busy) and time.monotonic() < until:
            self._look(until - time.monotonic())
        for hand in busy:
            if hand.stream is not None:
                self._replace(hand)
        self._words.clear()

    def close(self) -> None:
        for hand in self._hands:
            with suppress(Exception):  # what it shot is kept all the same
                self._ray.kill(hand.actor)
        self._hands = []
        self._ray.shutdown()

    # Workers

    def ready(self, seconds: float = PATIENCE) -> int:
        """Wait until every worker has started, for so long at most; how many have."""
        until = time.monotonic() + seconds
        while any(hand.starting is not None for hand in self._hands) and time.monotonic() < until:
            self._look(0.1)
        return sum(hand.starting is None and not hand.gone for hand in self._hands)

    def processes(self) -> tuple[int, ...]:
        """The numbers of the workers' processes where they run, of those that have started."""
        there = [hand for hand in self._hands if hand.starting is None and not hand.gone]
        return tuple(self._ray.get([hand.actor.process.remote() for hand in there]))

    def _started(self, number: int) -> _Hand:
        # One thread shoots, the other one hears that it shall stop. What dies is started again from here.
        options = {**self._needs, "max_concurrency": 2, "max_restarts": 0, "max_task_retries": 0}
        actor = self._actors.options(**options).remote(self._patience)
        return _Hand(number, actor, actor.version.remote(), time.monotonic())

    def _replace(self, hand: _Hand) -> None:
        """Another worker in place of one that is gone, or shall be."""
        with suppress(Exception):
            self._ray.kill(hand.actor)
        hand.stream, hand.shots = None, ()
        if hand.starts >= MOST_STARTS:
            hand.gone, hand.starting = True, None
            return
        new = self._started(hand.number)
        hand.actor, hand.starting, hand.since, hand.told = new.actor, new.starting, new.since, 0
        hand.starts += 1

    def _look(self, seconds: float) -> None:
        """Take in what workers have said by now, or within so many seconds."""
        waited = {hand.starting or hand.stream: hand for hand in self._hands if hand.starting or hand.stream}
        self._check_patience()
        if not waited:
            time.sleep(seconds)
            return
        there, _ = self._ray.wait(list(waited), num_returns=1, timeout=seconds)
        for each in there:
            hand = waited[each]
            if hand.starting is not None:
                self._greet(hand)
            else:
                self._hear(hand)

    def _greet(self, hand: _Hand) -> None:
        try:
            version = self._ray.get(hand.starting)
        except self._ray.exceptions.RayError as error:
            _LOG.warning("a worker did not start: %s", _first_line(error))
            self._replace(hand)
            return
        hand.starting, hand.starts = None, 0
        if version != metadata.version("storyboard"):
            self.close()
            message = f"a worker has storyboard {version}, and here is {metadata.version('storyboard')}"
            raise CommandError(message, "install the same version on every machine of the cluster")

    def _hear(self, hand: _Hand) -> None:
        """The next thing that a worker says."""
        try:
            word = self._ray.get(next(hand.stream))
        except StopIteration:
            hand.stream, hand.shots = None, ()
            return
        except self._ray.exceptions.RayTaskError as error:  # ours, or an engine's, that cannot be sent
            lost = ShotError(f"shot `{hand.shots[0]}`: its worker failed: {_first_line(error)}")
            self._words.extend(Lost(shot, lost) for shot in hand.shots)
            hand.stream, hand.shots = None, ()
            return
        except self._ray.exceptions.RayError as error:
            self._drop(hand, f"its worker is gone: {_first_line(error)}")
            return
        if isinstance(word, Said):
            _LOG.warning("%s", word.text)
        elif isinstance(word, Lost) and isinstance(word.error, OutOfMemory):
            # Its memory is in whatever state: a new process has all of it.
            self._words.append(Dropped(word.shot, word.error))
            hand.shots = tuple(shot for shot in hand.shots if shot != word.shot)
            self._drop(hand, "its worker ran out of memory")
        else:
            if not isinstance(word, Stepped):
                hand.shots = tuple(shot for shot in hand.shots if shot != word.shot)
            self._words.append(word)

    def _drop(self, hand: _Hand, why: str) -> None:
        hint = "look at the memory and the logs of the machine that it was on"
        self._words.extend(Dropped(shot, ShotError(f"shot `{shot}`: {why}", hint)) for shot in hand.shots)
        self._replace(hand)

    def _check_patience(self) -> None:
        """Raises ShotError where there is nobody to shoot, and will not be."""
        left = [hand for hand in self._hands if not hand.gone]
        late = [hand for hand in left if hand.starting is not None and time.monotonic() - hand.since > PATIENCE]
        if len(late) == len(left):
            message = "no worker is left that could shoot" if not left else "no worker of the cluster starts"
            raise ShotError(message, "`ray status` says what the cluster has, and who uses it")


def crew_named(name: str, workers: int | None = None, *, patience: float | None = None) -> Callable[[], Crew]:
    """How the crew is called together that a person names: `here`, `ray` or `ray://ADDRESS`, of so many workers, with
    the `patience` of `Here`.

    Raises CommandError where there is no such crew, or Ray is not installed; Ray is not imported.
    """
    if name == HERE:
        if workers is not None:
            raise CommandError(
                "`--workers` is for `--crew ray`", "leave it out: this process shoots one shot at a time"
            )
        return lambda: Here(patience)
    if workers is not None and workers < 1:
        raise CommandError(f"{workers} workers cannot shoot", "ask for 1 or more, or leave `--workers` out")
    if name != LOCAL and not name.removeprefix(REMOTE):
        raise CommandError(f"`{name}` names no cluster", "there are `ray://auto` and `ray://HOST:PORT`")
    if name != LOCAL and not name.startswith(REMOTE):
        raise CommandError(f"there is no crew `{name}`", "there are `here`, `ray`, `ray://auto` and `ray://HOST:PORT`")
    if find_spec("ray") is None:
        raise CommandError(f"`--crew {name}` needs Ray, which is not installed", "pip install 'storyboard[ray]'")
    return lambda: RayCrew(None if name == LOCAL else name.removeprefix(REMOTE), workers, patience)


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it warns that this will be the default
    import ray

    return ray


def _connect(ray: ModuleType, address: str | None, workers: int) -> None:
    """Start Ray on this machine, or reach a cluster: a head, or `auto`. Raises CommandError."""
    heard = signal.getsignal(signal.SIGTERM)
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    # It prints what happens to its machines to stdout, which is for data, and there is no public way to stop that.
    ray._private.worker._worker_logs_enabled = False
    try:
        if address is None:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, **quiet)
        else:
            host, _, port = address.rpartition(":")
            if host:  # it would try for minutes, and hear no interrupt
                socket.create_connection((host, int(port)), timeout=_REACH).close()
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        where = "Ray does not start here" if address is None else f"the cluster at `{address}` cannot be reached"
        hint = "name the address of its head, on a machine that has joined it: `ray start --address=HOST:PORT`"
        raise CommandError(f"{where}: {_first_line(error)}", None if address is None else hint) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, heard)  # Ray would end us by its own way


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
