"""The model configuration of a served model: made when it is ready, and disabled when it stops, in the same unit of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.auth.principal import Principal, Role
from core.clock import Clock, Identifiers
from core.events import ConfigurationsChanged, EventBus
from core.managed.types import Service, ServiceKind
from core.models.checks import NAME_LIMIT, clean_name
from core.models.editing import Editor, free_name
from core.models.types import ConfigurationDraft

if TYPE_CHECKING:
    from storage.unit_of_work import UnitOfWork

MODEL_KINDS: Final[tuple[ServiceKind, ...]] = ("api", "vllm", "sglang")
PROVIDER: Final = "openai-compatible"
#: Seconds of silence: on a CPU the first word takes long.
TIMEOUT_S: Final = 600.0


def endpoint_of(service: Service) -> str:
    """Where an OpenAI-style client asks it, in the one spelling of core/llm/endpoints.py."""
    return f"{service.url}/v1"


class ServedModels:
    """Keeps configurations in step with model servers. One that a person changed keeps what they changed."""

    def __init__(self, clock: Clock, ids: Identifiers, events: EventBus) -> None:
        self._editor = Editor(clock, ids)
        self._events = events

    def changed(self, uow: UnitOfWork, service: Service, key: str) -> None:
        """A model server changed: see ManagedServices.when_changed."""
        owner = service.owner_id
        if service.state == "ready" and service.port and uow.configurations.lock_owner(owner):
            self._enable(uow, service, key)
        elif service.state in ("stopping", "stopped", "failed") and service.configuration_id:
            row = uow.configurations.get(owner, service.configuration_id)
            if row is not None and row.enabled:
                self._editor.touch(uow, _principal(owner), owner, row, enabled=False)
        else:
            return
        self._events.publish(ConfigurationsChanged(owner))

    def _enable(self, uow: UnitOfWork, service: Service, key: str) -> None:
        owner = service.owner_id
        principal = _principal(owner)
        row = self._existing(uow, service)
        model = str(service.subject.get("model") or service.name)
        if row is not None:
            from core.models.views import view

            draft = view(uow, principal, owner, row).draft()
            self._editor.update(uow, principal, owner, row, _pointed(draft, service, model, key))
            configuration_id = str(row.id)
        else:
            name = clean_name(service.name)[:NAME_LIMIT] or model
            taken = uow.configurations.names(owner)
            draft = ConfigurationDraft(name=free_name(name, taken) if name in taken else name, provider_id=PROVIDER, model=model)
            made = self._editor.create(uow, principal, owner, _pointed(draft, service, model, key), provider_must_be_open=False)
            configuration_id = made.id
        uow.services.set_configuration(service.id, configuration_id)

    def _existing(self, uow: UnitOfWork, service: Service) -> Any | None:
        """The configuration of this service, or of the last one that served the same model: conversations with it go on."""
        owner = service.owner_id
        ids = [service.configuration_id]
        for row in uow.services.all(owner, kinds=MODEL_KINDS):
            import json

            if row.id != service.id and json.loads(row.subject or "{}").get("target_id") == service.subject.get("target_id"):
                ids.append(row.configuration_id)
        found = (uow.configurations.get(owner, each) for each in ids if each)
        return next((row for row in found if row is not None and row.provider_id == PROVIDER), None)


def _pointed(draft: ConfigurationDraft, service: Service, model: str, key: str) -> ConfigurationDraft:
    from dataclasses import replace

    return replace(
        draft, endpoint=endpoint_of(service), model=model, key=key or None, enabled=True, timeout_s=max(draft.timeout_s, TIMEOUT_S)
    )


def _principal(owner: str) -> Principal:
    """Its owner, as far as a configuration is concerned: nothing but the id is written down."""
    return Principal(user_id=owner, nickname="", email="", role=Role.USER)
