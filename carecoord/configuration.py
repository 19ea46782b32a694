"""Where each setting comes from: the environment, before it a file, before both the defaults.

The file is carecoord.toml in CARECOORD_VAR, or the one that CARECOORD_CONFIG names (`none`: no file is read). Its keys
are the settings' names in small letters, without the prefix; `name_file` names a file that holds the value; paths are
meant from where the file is. It may also say on which database its instance stands, so that a verb that was given
another acts on none.
"""

import difflib
import inspect
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import make_url

from carecoord.settings import FIELDS, PREFIX, BadSetting, Settings, is_link, load
from carecoord.store.database import private_files

NAME: Final = "carecoord.toml"
VARIABLE: Final = f"{PREFIX}CONFIG"
NONE: Final = "none"  # as CARECOORD_CONFIG
SECRETS: Final = frozenset({"database_url", "broker_url", "redis_url", "metrics_token", "mail_url", "intake_mail"})
_DATABASE: Final = "instance_database"  # in the file alone: on which database the instance stands
Source = Literal["default", "environment", "file"]


@dataclass(frozen=True)
class Configuration:
    """Settings and where they come from. file: the file that was read, if there is one. given: what each setting that
    was given is called where it was given, with its source; what is not in it has its default."""

    settings: Settings
    file: Path | None
    given: Mapping[str, tuple[Source, str]]


def read(environ: Mapping[str, str]) -> Configuration:
    """The settings in force. Raises BadSetting naming what is wrong, and the file where it stands in one."""
    file = _place(environ)
    own = {name: value for name, value in environ.items() if name != VARIABLE and not is_link(name, value)}
    told = _told(file) if file else {}
    stands_on = told.pop(_DATABASE, "")
    known = {PREFIX + name.upper(): value for name, value in told.items() if not _overruled(name, own)}
    try:
        made = load(known | own)
    except BadSetting as e:
        named = next((name for name in known if name in str(e)), "")
        said = f" (it stands as {named.removeprefix(PREFIX).lower()} in {file})" if named else ""
        raise BadSetting(f"{e}{said}") from None
    if stands_on and stands_on != database(made):
        raise BadSetting(
            f"{file} belongs to an instance whose database is {stands_on}, and the settings name {database(made)}: "
            f"give {PREFIX}DATABASE_URL, or database_url_file in the file; or name another file by {VARIABLE}"
        )
    given: dict[str, tuple[Source, str]] = {_plain(name): ("file", name) for name in told}
    ours = [name for name in own if name.startswith(PREFIX)]
    given |= {_plain(name.removeprefix(PREFIX).lower()): ("environment", name) for name in ours}
    return Configuration(made, file, given)


_NAMES: Final = frozenset(field.name for field in FIELDS)


def database(settings: Settings) -> str:
    """Which database the settings mean, in words without login and password; a file by its whole path."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{Path(url.database or '').absolute()}"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or ''}{port}/{url.database}"


def keep(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    """Write the settings in force into a file beside the database, where there is none and none is named. Returns the
    file that was written."""
    file = (Path(settings.var) / NAME).absolute()
    if VARIABLE in environ or file.exists():
        return None
    with private_files.new_file(file) as out:
        out.write(first(settings).encode())
    return file


def first(settings: Settings) -> str:
    """The text of a new file: what is in force and no secret, the rest with its default as a comment."""
    return "\n".join(["# The settings of this instance. The environment (CARECOORD_PORT=8000) overrules them.", ""] + [
        line for name, told in _described() for line in _lines(name, told, settings)
    ]) + "\n"  # fmt: skip


def _place(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(VARIABLE, "").strip()
    if named == NONE:
        return None
    if named:
        if not Path(named).is_file():
            raise BadSetting(f"{VARIABLE} must name a file that is there, not {named!r}; {NONE}: no file is read")
        return Path(named).absolute()
    beside = Path(environ.get(f"{PREFIX}VAR", "").strip() or Settings.var) / NAME
    return beside.absolute() if beside.is_file() else None


def _told(file: Path) -> dict[str, str]:
    """What the file says, as the environment would. Raises BadSetting."""
    try:
        if file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BadSetting(f"Others may write {file}: chmod go-w {file}")
        told = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise BadSetting(f"{file} can not be read as TOML: {e}") from e
    for name, value in told.items():
        if _plain(name) not in _NAMES and name != _DATABASE:
            close = difflib.get_close_matches(name, _NAMES, 1, 0.6)
            said = f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(_NAMES))}"
            raise BadSetting(f"{file}: {name} is not a setting of carecoord; {said}")
        if not isinstance(value, str | int | bool):
            raise BadSetting(f"{file}: {name} must be a text, a whole number, true or false")
    for name in ("var", *(name for name in told if name.endswith("_file") and name not in _NAMES)):
        if name in told:  # a path in the file is meant from where the file is
            told[name] = os.path.normpath(file.parent / str(told[name]))
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}


def _plain(name: str) -> str:
    return name if name in _NAMES else name.removesuffix("_file")


def _overruled(name: str, environ: Mapping[str, str]) -> bool:
    variable = PREFIX + _plain(name).upper()
    return variable in environ or f"{variable}_FILE" in environ


def _described() -> Iterator[tuple[str, str]]:
    """Each setting and what it is, from the comment behind it."""
    for line in inspect.getsource(Settings).splitlines():
        if found := re.match(r"    (\w+): \w+ = .*?  # (.*)", line):
            yield found[1], found[2]


def _lines(name: str, told: str, settings: Settings) -> Iterator[str]:
    value, default = getattr(settings, name), getattr(Settings, name)
    yield f"# {told}"
    if name == "var":  # the file lies in it
        yield 'var = "."'
    elif name in SECRETS and value != default:
        yield f'# {name}_file = "/run/secrets/{name}"  # it was given by the environment, and is not written down here'
        if name == "database_url":
            yield f"{_DATABASE} = {_toml(database(settings))}"
    else:
        yield f"{'' if value != default else '# '}{name} = {_toml(value)}"
    yield ""


def _toml(value: Any) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
