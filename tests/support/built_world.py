"""A sandbox world that is built once and restored for each test: a build takes half a second, a copy some hundredths.

The result of a build is kept as one pickle: moto's backends, which remain the same objects and get their contents back, and
the mutable parts of our world. Objects in S3 are not in it: there are thousands, and all copies can share their bytes. The
objects of a bucket are copied when somebody asks for them, since few tests do.
"""

from __future__ import annotations

import copy
import io
import pickle
import threading
from functools import cached_property
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.model_instances import reset_model_data
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.ssm.models import ParameterDict

from include.inventory import Inventory
from sandbox.aws.authorization.policy import Policies
from sandbox.aws.http.endpoint import Application
from sandbox.aws.seed.build import build
from sandbox.aws.sim.world import World
from sandbox.aws.state.clock import Clock, ManualClock
from sandbox.aws.state.region_lists import RegionLists

# values that never change, and moto's locks and lambdas
STAYING = (
    World,
    Application,
    Clock,
    RegionLists,
    Policies,
    BaseBackend,
    type(threading.Lock()),
    type(threading.RLock()),
)
MOVING = ("regions", "faults", "target_names", "app_sites", "timeline", "problem", "_moved_to")

BACKENDS: type[BackendDict[Any]] = BackendDict  # whose list of instances is of those of every service


class BuiltWorld:
    """The result of a build at one moment of the world's clock."""

    def __init__(self, world: World, url: str, inventory: Inventory):
        build(world, url, inventory)
        self._world = world
        self._backends = [(instance, _content_of(instance)) for instance in BACKENDS._instances]
        self._buckets = dict(s3_backends.bucket_accounts)  # which bucket is whose, beside all backends
        self._kept: dict[int, Any] = {}
        backends = [
            backend for _, accounts in self._backends for _, regions in accounts for backend in regions.values()
        ]
        moving = {name: getattr(world, name) for name in MOVING}
        buffer = io.BytesIO()
        _Pickler(buffer, self._kept).dump(
            ([(each, each.__dict__) for each in backends], moving, world.endpoint.identities.roles)
        )
        self._pickle = buffer.getvalue()
        self.restore()  # so that the first test gets a copy like every other one

    def restore(self) -> None:
        """Restore the world, and discard everything that was done since."""
        world = self._world
        with world.lock:
            reset_model_data()
            s3_backends.bucket_accounts.clear()
            s3_backends.bucket_accounts.update(self._buckets)
            for instance in BACKENDS._instances:
                instance.clear()
            BACKENDS._instances[:] = [each for each, _ in self._backends]
            for services, accounts in self._backends:
                for account, regions in accounts:
                    account.clear()
                    account.update(regions)
                    services[account.account_id] = account
            contents, moving, world.endpoint.identities.roles = _Unpickler(io.BytesIO(self._pickle), self._kept).load()
            for backend, content in contents:
                backend.__dict__ = content
            for name, value in moving.items():
                setattr(world, name, value)
            world.endpoint.take_over()


class BuiltWorlds:
    """The worlds of one inventory, each built once for the moment at which it begins."""

    def __init__(self, world: World, url: str, inventory: Inventory):
        self._of = (world, url, inventory)
        self._built: dict[float, BuiltWorld] = {}

    def begin_at(self, moment: float) -> None:
        """Begin again at a moment."""
        clock = self._of[0].clock
        assert isinstance(clock, ManualClock)
        clock.begin_at(moment)
        if moment in self._built:
            self._built[moment].restore()
        else:
            self._built[moment] = BuiltWorld(*self._of)


def _content_of(services: BackendDict[Any]) -> list[tuple[Any, dict[str, Any]]]:
    return [(account, dict(account)) for account in services.values()]


class _Bucket(FakeBucket):
    """A restored bucket."""

    built: _VersionedKeyStore

    @cached_property
    def keys(self) -> _VersionedKeyStore:  # type: ignore[override] # moto sets an attribute, which this becomes
        """The objects, each with its versions, copied from the built bucket."""
        made = _VersionedKeyStore()
        for name, versions in self.built.lists():
            made.setlist(
                name,
                [_copy_of(version) if isinstance(version, FakeKey) else copy.copy(version) for version in versions],
            )
        return made


def _restored(content: dict[str, Any]) -> _Bucket:
    made: _Bucket = object.__new__(_Bucket)  # type: ignore[type-abstract] # moto's own way would register it
    made.__dict__.update(content)
    return made


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, kept: dict[int, Any]):
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self._kept = kept

    def persistent_id(self, found: Any) -> int | None:
        local = callable(found) and "<" in getattr(found, "__qualname__", "")  # no pickle can name it
        if local or isinstance(found, (*STAYING, _VersionedKeyStore)):
            self._kept[id(found)] = found
            return id(found)
        return None

    def reducer_override(self, found: Any) -> Any:
        if isinstance(found, ParameterDict):  # it is a dictionary that cannot be made without these
            return ParameterDict, (found.account_id, found.region_name), found.__dict__, None, iter(found.items())
        if type(found) is not FakeBucket:
            return NotImplemented
        content = dict(found.__dict__)
        content["built"] = content.pop("keys")
        for _, versions in content["built"].lists():
            for version in versions:  # FakeKeys and delete markers
                version.disposed = True  # otherwise it would warn at the end of the tests that it was never closed
        return _restored, (content,)


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, kept: dict[int, Any]):
        super().__init__(buffer)
        self._kept = kept

    def persistent_load(self, number: int) -> Any:
        return self._kept[number]


def _copy_of(key: FakeKey) -> FakeKey:
    """Copy an object of S3, so that neither a change nor a deletion of the copy affects the original."""
    made = object.__new__(FakeKey)  # moto's own way would count it
    made.__dict__.update(
        key.__dict__,
        _metadata=copy.copy(key._metadata),
        _value_buffer=io.BytesIO(key.value),  # shares the bytes until they are written
    )
    return made
