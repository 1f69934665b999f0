"""The command ``xtap``: finds the command's module, reads its flags, turns errors into one line and an exit code.

Exit codes: 0 fine, 1 error (wrong usage too), 2 "no" of commands that compare or decide.
Only the module of the command that runs is imported, so that ``xtap version`` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError, InvalidInput, XtapError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from xtap.server.settings import Settings

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "run the server: Graph, and the embedded issuer for local use",
        "init": "write xtap.toml, a local certificate authority, signing keys and (--demo) two tenants",
        "token": "print a bearer token from the embedded issuer",
        "tenant": "the tenants that the server knows, their people, and what they asked for",
        "migrate": "give the database the tables of this version, or --check them",
        "seed": "make the policies of tenants on a local server those of files (needs serve --emulator)",
        "reset": "bring tenants of a local server back to what nobody configured (needs serve --emulator)",
        "decide": "decide one access between two tenants, with the reasons and the fix",
        "effective": "list the effective settings of one tenant toward another, each with its origin",
        "compare": "compare two policies of one tenant: who gains and who loses access",
        "explain": "explain an error code or a rule",
        "export": "print the policies of tenants as JSON, as other commands read them",
        "backup": "write everything that the server keeps into one file, while it runs",
        "restore": "make an empty store what a backup says",
        "healthcheck": "ask a running server whether it is healthy",
        "version": "print the version",
    }
)
"""Every command and what it does, in the order of the help."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, with exit code 1: 2 would be taken for an answer."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and exit."""
        self.exit(1, f"{self.prog}: {message}. See '{self.prog} --help'.\n")


def run() -> None:
    """Run the command line of this process and exit."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(_overview())
        return 0
    name = "version" if arguments[0] in {"-V", "--version"} else arguments[0]
    if name not in COMMANDS:
        print(f"xtap: there is no command '{name}'.\n\n{_overview()}", file=sys.stderr)
        return 1
    module = importlib.import_module(f"xtap.cli.{name}")
    parser = Parser(
        prog=f"xtap {name}",
        description=f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    try:
        code: int = module.run(parser.parse_args(arguments[1:]))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (XtapError, OSError) as error:
        for message in messages(error):
            print(f"xtap {name}: {message}", file=sys.stderr)
        return 1
    return code


def messages(error: XtapError | OSError) -> list[str]:
    """Return what is wrong, each in one line."""
    if isinstance(error, InvalidInput):
        return [violation.message for violation in error.violations]
    if isinstance(error, OSError):  # a file or folder that may not be used, wherever it was met
        place = error.filename or "the system"
        advice = " Give the user that runs xtap access to it." if isinstance(error, PermissionError) else ""
        return [f"{place}: {error.strerror or error}.{advice}"]
    return [str(error)]


def add_settings(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add flags for settings; without names, for all of them."""
    from msgspec import inspect, structs  # noqa: PLC0415 - version and help need no settings

    from xtap.server.settings import Settings  # noqa: PLC0415 - see above

    group = parser.add_argument_group("settings", "also XTAP_… variables and keys of xtap.toml; flags win")
    group.add_argument("--config", metavar="FILE", help="configuration file (default: xtap.toml in this folder)")
    for field in structs.fields(Settings):
        if names and field.encode_name not in names:
            continue
        info = inspect.type_info(field.type)
        description = info.extra_json_schema or {} if isinstance(info, inspect.Metadata) else {}
        default = f" (default: {field.default})" if field.default not in {"", (), False} else ""
        text = f"{description.get('description', '')}{default}".replace("%", "%%")
        if isinstance(field.default, bool):
            group.add_argument(f"--{field.encode_name}", action="store_const", const="true", help=text)
        else:
            group.add_argument(f"--{field.encode_name}", metavar=field.name.upper(), help=text)


def config_file(args: argparse.Namespace) -> Path | None:
    """Return the configuration file that was named, by ``--config`` or ``XTAP_CONFIG``."""
    name = args.config or os.environ.get("XTAP_CONFIG")
    return Path(name) if name else None


def settings_of(args: argparse.Namespace) -> Settings:
    """Gather the settings for a command.

    Raises:
        ConfigurationError: a value or key is wrong.
    """
    from xtap.server.settings import KEYS, load  # noqa: PLC0415 - version and help need no settings

    given = {name.replace("_", "-"): value for name, value in vars(args).items() if value is not None}
    flags = {key: given[key] for key in KEYS if key in given}
    return load(flags, os.environ, config_file(args))


def no_issuer(args: argparse.Namespace, so: str) -> ConfigurationError:
    """Build the error for a command that needs the embedded issuer: mostly it was called in another folder.

    Args:
        args: the command's flags.
        so: what follows from it.
    """
    from xtap.server.settings import CONFIG_FILE  # noqa: PLC0415 - version and help need no settings

    if config_file(args) is None and not Path(CONFIG_FILE).exists():
        return ConfigurationError(
            f"There is no {CONFIG_FILE} in this folder, so the embedded issuer is off{so}. Go to the folder of the "
            "server, or name its file by --config. For a new server, run 'xtap init'."
        )
    return ConfigurationError(f"The embedded issuer is off{so}. Run 'xtap init'.")


def _overview() -> str:
    lines = [f"  {name:<12} {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: xtap COMMAND [flags]",
            "",
            "The cross-tenant access policy of Microsoft Graph, self-hosted.",
            "",
            *lines,
            "",
            "'xtap COMMAND --help' explains a command.",
        ]
    )
