"""What `modeltrain config` and `modeltrain provider` read: options as a draft, and keys, which are never an argument."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import read_secret
from tui.commands.files import NamedFile
from tui.i18n import _

if TYPE_CHECKING:
    from core.auth.principal import Principal
    from core.bootstrap import Services
    from core.models.configurations import ConfigurationDraft

KEY_VARIABLE = "MODELTRAIN_API_KEY"
KeyFile = Annotated[
    NamedFile | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help=_("A file with the API key (- is standard input)."),
        show_default=False,
        parser=NamedFile,
    ),
]


def read_key(prompt: str, file: NamedFile | None) -> str:
    """A key from `file`, else MODELTRAIN_API_KEY, else a prompt without echo. Raises EnvironmentProblem(what="no_key")."""
    return read_secret(prompt, file=file, variable=KEY_VARIABLE, missing="no_key")


def draft_of(plain: dict[str, str], texts: dict[str, str], stop: list[str], timeout: str, note: str) -> ConfigurationDraft:
    """Raises the first InvalidInput of the options."""
    from core.errors import InvalidInput
    from core.models.configurations import ConfigurationDraft
    from core.models.forms import parse_number, parse_parameters

    parameters, problems = parse_parameters(texts, stop)
    for problem in problems.values():
        raise problem
    timeout_s = parse_number("timeout_s", timeout)
    if timeout_s is None:
        raise InvalidInput("timeout_s", "required")
    return ConfigurationDraft(
        name=plain["name"],
        provider_id=plain["provider_id"],
        model=plain["model"],
        endpoint=plain["endpoint"],
        system_prompt=plain["system_prompt"],
        parameters=parameters,
        timeout_s=timeout_s,
        note=note,
    )


async def with_key(services: Services, principal: Principal, draft: ConfigurationDraft, key_file: NamedFile | None) -> ConfigurationDraft:
    """The draft with a key, if the provider takes one and there is one. Asks for it only where the provider needs it."""
    from dataclasses import replace

    if key_file is not None:
        return replace(draft, key=key_file.read_first_line())
    if not services.providers.takes_key(draft.provider_id):
        return draft
    if key := os.environ.get(KEY_VARIABLE):
        return replace(draft, key=key)
    provider = next((info for info in await services.providers.list(principal) if info.id == draft.provider_id), None)
    needed = services.configurations.check(draft, provider=provider).get("key")
    if needed is None or not sys.stdin.isatty():
        return draft
    import getpass

    return replace(draft, key=getpass.getpass(_("API key of {provider}: ").format(provider=draft.provider_id)))


def sort_of(text: str) -> Any:
    from core.errors import InvalidInput

    if text not in ("name", "model", "provider", "updated", "created"):
        raise InvalidInput("sort", "unknown", value=text)
    return text
