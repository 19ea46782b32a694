"""Documents that come by themselves: what looks into the folders and mailboxes that the settings name, in a lane of its
own, each as a job of its own, so that one that can not be reached holds none of the others up."""

from pathlib import Path
from typing import Final

import msgspec

from carecoord.actions.documents.drops import folders, mailboxes
from carecoord.errors import Unavailable
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.world import World

JOB: Final = "intake"  # in the outbox; its key: which folder or mailbox
FOLDER: Final = "folder"  # all of the watched folder
_MAIL: Final = "mail "  # before the id of the organization whose mailbox it is
_EVERY: Final = 30  # seconds between looks


def order(world: World) -> None:
    """See to it that a worker looks into every folder and mailbox."""
    keys = [FOLDER] if world.settings.intake_folder else []
    keys += [f"{_MAIL}{organization}" for organization in world.settings.mailboxes]
    if not keys:
        return
    with reading(world.engine) as conn:
        there = jobs.waiting(conn, JOB)
    with writing(world.engine) as conn:
        for key in keys:
            if key not in there:
                outbox.add(conn, JOB, key, msgspec.json.encode({"seconds": _EVERY}), world.clock())


def take_in(world: World, key: str) -> None:
    """Take in what lies there. One that the settings no longer name is left alone. Raises Unavailable."""
    organization = key.removeprefix(_MAIL)
    if organization in world.settings.mailboxes:
        mailboxes.take_in(world, organization)
    elif key == FOLDER and world.settings.intake_folder:
        troubles = []
        for each in folders.organizations(Path(world.settings.intake_folder)):
            try:
                folders.take_in(world, each)
            except Unavailable as trouble:
                troubles.append(trouble)
        if troubles:
            raise troubles[0]
