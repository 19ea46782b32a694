"""var/demo.json: what a person or a script must know to use the running demo. Only its owner may read it."""

import os
from pathlib import Path
from typing import Any

import msgspec

from carecoord.errors import Invalid
from carecoord.settings import Settings
from carecoord.store.database import private_files


def path(settings: Settings) -> Path:
    """Where it lies."""
    return Path(settings.var) / "demo.json"


def read(settings: Settings) -> dict[str, Any]:
    """What an earlier run wrote; nothing if there was none. Raises Invalid when somebody has spoilt it."""
    file = path(settings)
    if not file.exists():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as e:
        raise Invalid(f"{file} can not be read ({e}): remove it, and the next run writes it again.") from e


def write(settings: Settings, said: dict[str, Any]) -> None:
    """Put it in place whole, or not at all; not at all when it says so already."""
    file, data = path(settings), msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"
    if file.exists() and file.read_bytes() == data:
        return
    private_files.make_folder(file.parent)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(data)
    new.replace(file)


def person(login: str, name: str, role: str, organization: str, password: str) -> dict[str, str]:
    """How one of the cast gets in."""
    return {"role": role, "login": login, "password": password, "name": name, "organization": organization}
