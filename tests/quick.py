"""What thousands of tests would each pay for anew, paid once for a process of tests: each of them makes an application
of its own, of which it asks a page or two."""

import gc
from collections import defaultdict
from collections.abc import Generator, Hashable
from functools import _lru_cache_wrapper
from socketserver import BaseServer
from typing import Any, ClassVar

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.serving import BaseWSGIServer

from auth.people import sessions
from carecoord.store.search import history, include, pages


class Kept(BytecodeCache):
    """The compiled templates of every application of this process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}  # (name and place, checksum of the source) -> code

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def templates(patched: pytest.MonkeyPatch) -> None:
    """Compile a template once."""
    patched.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": Kept()})


class Routes(Map):
    """The routes of an application. They are read when the first of them is looked for, and only where no application
    of this process has had the same before: 190 each, for thousands of applications."""

    _read: ClassVar[dict[Hashable, Map]] = {}

    def __init__(self, *said: Any, **named: Any) -> None:
        self._said: list[Rule] = []
        super().__init__(*said, **named)

    def add(self, rulefactory: RuleFactory) -> None:
        self._said += rulefactory.get_rules(self)
        self._remap = True

    def update(self) -> None:
        with self._remap_lock:
            if not self._remap:
                return
            which = (self.strict_slashes, self.host_matching, *map(_route, self._said))
            if which not in self._read:
                self._read[which] = self._whole()
            whole = self._read[which]
            self._matcher, self._rules_by_endpoint = whole._matcher, whole._rules_by_endpoint
            self._remap = False

    def _whole(self) -> Map:
        made = Map(strict_slashes=self.strict_slashes, host_matching=self.host_matching)
        for rule in self._said:
            rule.map = None  # type: ignore[assignment]  # it may have been read before a further one was added
            made.add(rule)
        made.update()
        return made


def _route(rule: Rule) -> Hashable:
    """All that an application can say of a route."""
    place = (rule.rule, rule.host, rule.subdomain, rule.strict_slashes, rule.merge_slashes, rule.build_only)
    automatic = getattr(rule, "provide_automatic_options", None)  # of Flask
    return (*place, rule.endpoint, frozenset(rule.methods or ()), repr(rule.defaults), rule.redirect_to, automatic)


def addresses(patched: pytest.MonkeyPatch) -> None:
    """Read the routes that all our applications have once."""
    patched.setattr(Flask, "url_map_class", Routes)


class Statements:
    """The compiled statements of one kind of database, for every engine on it: the keys begin with an engine's own
    dialect, and all of ours are alike."""

    def __init__(self) -> None:
        self._kept: LRUCache[Any, Any] = LRUCache(3000)

    def get(self, key: tuple[Any, ...], otherwise: Any = None) -> Any:
        return self._kept.get(key[1:], otherwise)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._kept[key[1:]] = compiled


def statements(patched: pytest.MonkeyPatch) -> None:
    """Compile a statement once for a kind of database, not once for each test's database."""
    kept: defaultdict[str, Statements] = defaultdict(Statements)
    usual = Engine.__init__

    def begun(self: Engine, *said: Any, **named: Any) -> None:
        usual(self, *said, **named)
        self._compiled_cache = kept[f"{self.dialect.name}+{self.dialect.driver}"]  # type: ignore[assignment]

    patched.setattr(Engine, "__init__", begun)


def ends(patched: pytest.MonkeyPatch) -> None:
    """Look fifty times a second, not twice, whether a server in a thread is to end: each test that has one waits for
    it."""
    for kind in (BaseServer, BaseWSGIServer):
        patched.setattr(kind.serve_forever, "__defaults__", (0.02,))


TOGETHER = 300  # tests, after which all garbage is looked for at once


def garbage() -> None:
    """Look no more, in each search for garbage, through what was there before the first test: all modules and tests. An
    application makes thousands of objects, which stay for a while: among them it is searched less often. The whole
    search, which half the tests would each pay for, is made by `Searches` instead."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 1_000_000)


class Searches:
    """A plugin of pytest that looks for all garbage once after so many tests: an application is a heap of circles, and
    to look through those of a hundred takes no longer than through one's. What such a search leaves, what is there for
    the whole session above all, is not looked through again until as much has come to it: each search would take five
    seconds by the end. It is made between two modules, when what a module had is gone."""

    def __init__(self) -> None:
        self._since = 0  # tests, since the last search
        self._left = 0  # objects, by the last search that looked through everything

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        done = yield
        self._since += 1
        between = nextitem is None or nextitem.path != item.path
        if self._since >= (TOGETHER if between else 4 * TOGETHER):
            self._since = 0
            for module in (history, include, pages):  # statements of searches, of thousands of objects each
                for kept in vars(module).values():
                    if isinstance(kept, _lru_cache_wrapper):
                        kept.cache_clear()
            self._search()
        return done

    def _search(self) -> None:
        everything = gc.get_freeze_count() > 2 * self._left
        if everything:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
        if everything:
            self._left = gc.get_freeze_count()


def hashes(patched: pytest.MonkeyPatch) -> None:
    """Hash passwords at the least cost: a test is about what they open."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    patched.setattr(sessions, "_hasher", quick)
    patched.setattr(sessions, "_nobody", quick.hash("nobody's"))
