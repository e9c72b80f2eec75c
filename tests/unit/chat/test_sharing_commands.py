"""modeltrain conversation share, unshare, list --shared and show, by two accounts. One process a command."""

from __future__ import annotations

import pytest

from core.auth.principal import Origin, operator
from core.bootstrap import build_services
from core.models.configurations import ConfigurationDraft
from core.settings import Settings
from tests.shell import Shell

PASSWORD = "correct horse 7 battery"


@pytest.fixture
async def conversation(settings: Settings) -> str:
    """A conversation of ann's, in a house with bob."""
    services = await build_services(settings)
    ann = (await services.accounts.create_first_admin("ann@example.org", "ann", PASSWORD, origin=Origin())).principal
    await services.accounts.add_user(operator("test"), "bob@example.org", "Bob", PASSWORD)
    made = await services.configurations.create(ann, ConfigurationDraft(name="echo", provider_id="simulator", model="sim-echo@0"))
    sent = await services.chat.send(ann, None, "what does ann ask?", configuration_id=made.id, system="a secret prompt")
    async for _update in services.chat.watch(ann, sent.answer_id):
        pass
    await services.close()
    return sent.conversation_id


def test_two_accounts_share_from_the_shell(settings: Settings, conversation: str) -> None:
    ann, bob = (Shell(settings.data_dir, f"{name}@example.org") for name in ("ann", "bob"))
    unknown = bob.run("conversation", "show", conversation)
    assert unknown.status == 2 and "There is no conversation" in unknown.err
    assert "Nobody but you can read it." in ann.ok("conversation", "share", conversation).out
    assert "It can be read by: Bob." in ann.ok("conversation", "share", conversation, "bob").out
    listed = bob.ok("conversation", "list", "--shared", "--json").json
    assert [(item["id"], item["owner"], item["shared"]) for item in listed] == [(conversation, "ann", True)]
    shown = bob.ok("conversation", "show", conversation).out
    assert "── ann" in shown and "what does ann ask?" in shown and "secret prompt" not in shown
    assert bob.ok("conversation", "list", "--json").json == []
    refused = bob.run("conversation", "share", conversation, "--everyone")
    assert refused.status == 2 and "There is no conversation" in refused.err
    nobody = ann.run("conversation", "share", conversation, "nobody")
    assert nobody.status == 2 and "There is no account" in nobody.err
    assert [share["nickname"] for share in ann.ok("conversation", "unshare", conversation, "Bob", "--json").json] == []
    assert bob.run("conversation", "show", conversation).status == 2
    for wrong in (("bob", "--everyone"), ("*",)):
        assert ann.run("conversation", "share", conversation, *wrong).status == 2
