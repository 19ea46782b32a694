"""The command `carecoord`. Every verb says what it did; every failure is one sentence with what to do about it."""

import argparse
import gc
import os
import sys
import textwrap
from collections.abc import Collection, Generator, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

WRONG_USE = 2
FAILED = 1
INTERRUPTED = 130

ABOUT = """\
Care coordination on FHIR R4: syncs an EHR, and says of each referral whether the patient can be seen there, then, and
be paid for; if not, what is missing, whose move it is, and by when. Start with: carecoord demo"""
MORE = """\
Every setting is an environment variable that begins with CARECOORD_, and stands in the table of the README: for example
CARECOORD_VAR=/srv/carecoord for the folder of the database, CARECOORD_DATABASE_URL=postgresql://... for PostgreSQL.
What stands in carecoord.toml in that folder, or in the file that CARECOORD_CONFIG names, holds for every verb."""
CODES = "Exit codes: 0 done, 1 failed (check: something to mend), 2 used wrongly, 130 interrupted."
# Every verb: the module that has it, and what it does. A verb costs the start of its own module alone, for most of what
# the others need is not needed by it.
VERBS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "start a demo EHR, sync it, show every referral, serve the desk until Ctrl-C"),
    "serve": ("serve", "serve the desk and the FHIR API, and do later work, until Ctrl-C"),
    "work": ("serve", "do later work only (syncs that are due), until Ctrl-C: for further machines"),
    "load": ("load", "load FHIR R4 bundles and NDJSON, plain or gzip"),
    "import": ("registry.imports", "bring a table in: CSV or XLSX"),
    "export": ("registry.imports", "write a table of what is here, as it can be imported: CSV or XLSX"),
    "x12": ("registry.x12", "X12 files from and to payers: claims paid, requests and their answers"),
    "ehr": ("ehrs", "the EHRs that we sync from"),
    "sync": ("ehrs", "read an EHR into our store; safe to break off and to repeat"),
    "cases": ("cases", "every open referral: cleared or not, why, whose move it is, and by when"),
    "events": ("cases", "what happened to cases, a line of JSON for each event of the log"),
    "measures": ("cases", "count for the measures what has happened since, or all of it anew"),
    "init": ("accounts", "make the database, or bring it to the present version; safe to repeat"),
    "user": ("accounts", "people who can sign in"),
    "client": ("accounts", "apps that use the API"),
    "upgrade": ("server.upgrade", "bring the database to this version of carecoord, or say what that would change"),
    "backup": ("server.backups", "write a backup of the running service into one file"),
    "restore": ("server.backups", "put a backup in the place of the database"),
    "app": ("apps", "SMART apps that people open"),
    "provider": ("providers", "where organizations' own people sign in (OpenID Connect)"),
    "payer": ("registry.payers", "payers that take our requests for authorization by Da Vinci PAS"),
    "policy": ("registry.policies", "clocks and calendars of offices and payers"),
    "keys": ("keys", "our own signing keys"),
    "jobs": ("jobs", "later work that failed too often"),
    "settings": ("server.settings", "the settings in force, and where each comes from"),
    "check": ("check", "look at configuration, database and EHRs: each line says good, or what to do"),
    "audit": ("audit", "the audit trail: who saw what"),
    "completion": ("server.completion", "print what lets a shell complete these words: bash, zsh or tcsh"),
}
# In the order of the help: who needs them, and for what.
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "to see it, and to run it": ("demo", "init", "serve", "work", "check", "settings"),
    "to bring data in and out": ("ehr", "sync", "load", "import", "export", "x12"),
    "what is in it": ("cases", "events", "measures", "policy", "payer"),
    "who gets in": ("user", "provider", "app", "client"),
    "to look after it": ("jobs", "audit", "keys", "backup", "restore", "upgrade", "completion"),
}
_INDENT: Final = 4
_COLUMN: Final = 16
_WIDTH: Final = 80


def about(verb: str) -> str:
    """What a verb does, as the help says it."""
    return VERBS[verb][1]


def parser(wanted: Collection[str] = VERBS.keys()) -> argparse.ArgumentParser:
    """The verbs with their help: those that are wanted with their arguments, of the others only what they do."""
    top = argparse.ArgumentParser(
        "carecoord", description=ABOUT, epilog=f"{_listed()}\n\n{MORE}\n\n{CODES}",
        formatter_class=_Grouped,
    )  # fmt: skip
    top.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    top.set_defaults(helped=top.print_help)
    verbs = top.add_subparsers(metavar="VERB", help="one of these; carecoord VERB --help tells more of it")
    for name, (module, help) in VERBS.items():
        if name not in wanted:
            verbs.add_parser(name, help=help)
        elif name not in verbs.choices:  # a module that has several installs them together
            import_module(f"carecoord.cli.{module}").install(verbs)
    return top


def _listed() -> str:
    """The verbs under who needs them."""
    return "\n\n".join("\n".join([f"{group}:", *map(_line, names)]) for group, names in GROUPS.items())


def _line(name: str) -> str:
    first = f"{' ' * _INDENT}{name}".ljust(_COLUMN)
    return textwrap.fill(about(name), _WIDTH, initial_indent=first, subsequent_indent=" " * _COLUMN)


class _Grouped(argparse.RawDescriptionHelpFormatter):
    """Leaves the list of verbs to `_listed`, which groups them."""

    def _iter_indented_subactions(self, action: argparse.Action) -> Generator[argparse.Action, None, None]:
        yield from ()


class _Version(argparse.Action):
    """Looks up which version it is only where that is asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        sys.stdout.write(f"carecoord {version('carecoord')}\n")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 done, 1 failed, 2 used wrongly."""
    os.umask(0o077)  # what we write holds patients and keys: it is for our own user, whatever the shell says
    if argv is None:  # the process is ours. To look for cycles among ever more that is loaded took a third of a start
        gc.disable()
    given = sys.argv[1:] if argv is None else list(argv)
    module = VERBS[given[0]][0] if given and given[0] in VERBS else ""
    verbs = parser([name for name, (of, _) in VERBS.items() if of == module])
    args = verbs.parse_args(given)
    if "run" not in args:
        args.helped()
        return WRONG_USE if given else 0
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    """Run a verb. What that takes is imported now: who asks for help alone need not wait for it."""
    from auth.errors import BadRegistration
    from carecoord.cli.screen import Screen
    from carecoord.cli.verbs import words
    from carecoord.configuration import read
    from carecoord.errors import Problem
    from carecoord.settings import BadSetting
    from carecoord.store.database import schema
    from fhir_adapters.errors import Misconfigured

    if not gc.isenabled():
        gc.freeze()  # what is loaded stays
        gc.enable()
    screen = Screen(getattr(args, "form", None) or "table", logs=hasattr(args, "parent"))  # of a service
    try:
        return int(args.run(read(os.environ).settings, screen, args) or 0)
    except BadSetting as e:
        screen.complain(str(e))
        return WRONG_USE
    except (Problem, BadRegistration, Misconfigured, OSError) as e:
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
