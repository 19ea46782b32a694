"""`completion`: what lets a shell complete our verbs and their options."""

import argparse

from carecoord.cli import about, parser
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, verb
from carecoord.settings import Settings

SHELLS = ("bash", "zsh", "tcsh")
MORE = """\
bash:  carecoord completion bash > ~/.local/share/bash-completion/completions/carecoord
zsh:   carecoord completion zsh > a folder of your $fpath, as _carecoord
Then open a new shell."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    one = verb(verbs, "completion", show, about("completion"), MORE)
    one.add_argument("shell", choices=SHELLS)


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Print the script; it knows every verb of this version."""
    import shtab  # every other verb does without

    screen.write(shtab.complete(parser(), shell=args.shell))
