"""The command `carecoord`. Every verb says what it did; every failure is one sentence with what to do about it."""

import argparse
import os
from collections.abc import Sequence
from importlib.metadata import version

from auth.errors import BadRegistration
from carecoord.cli import accounts, apps, audit, cases, check, demo, ehrs, jobs, keys, providers, serve
from carecoord.cli import load as cli_load
from carecoord.cli.registry import imports, policies
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import words
from carecoord.errors import Problem
from carecoord.settings import BadSetting, load
from carecoord.store.database import schema
from fhir_adapters.errors import Misconfigured

WRONG_USE = 2
FAILED = 1
INTERRUPTED = 130
EXPECTED = (Problem, BadRegistration, Misconfigured, OSError)

ABOUT = """\
Care coordination on FHIR R4: syncs an EHR, and says of each referral whether the patient can be seen there, then, and
be paid for; if not, what is missing, whose move it is, and by when. Start with: carecoord demo"""
MORE = """\
Every setting is an environment variable that begins with CARECOORD_, and stands in the table of the README: for example
CARECOORD_VAR=/srv/carecoord for the folder of the database, CARECOORD_DATABASE_URL=postgresql://... for PostgreSQL."""


def parser() -> argparse.ArgumentParser:
    """Every verb with its help."""
    top = argparse.ArgumentParser(
        "carecoord", description=ABOUT, epilog=MORE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"carecoord {version('carecoord')}")
    verbs = top.add_subparsers(title="verbs", metavar="VERB")
    for module in (
        demo, serve, cli_load, imports, ehrs, cases, accounts, apps, providers, policies, keys, jobs, check, audit,
    ):  # fmt: skip
        module.install(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 done, 1 failed, 2 used wrongly."""
    os.umask(0o077)  # what we write holds patients and keys: it is for our own user, whatever the shell says
    screen = Screen()
    verbs = parser()
    args = verbs.parse_args(argv)
    if "run" not in args:
        verbs.print_help()
        return 0
    try:
        return int(args.run(load(os.environ), screen, args) or 0)
    except BadSetting as e:
        screen.complain(str(e))
        return WRONG_USE
    except EXPECTED as e:
        screen.complain(words(e))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as e:
        if os.environ.get("CARECOORD_LOG_LEVEL", "").upper() == "DEBUG":
            raise
        if schema.is_strange(e):
            screen.complain(f"The database can not be used: {schema.STRANGE}.")
            return FAILED
        screen.complain(f"{type(e).__name__}: this should not happen. CARECOORD_LOG_LEVEL=DEBUG shows where it did.")
        return FAILED
