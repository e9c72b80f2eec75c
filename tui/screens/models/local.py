"""What can be done with models on this machine: serve, chat, compare with the base, merge, note, delete. For the results of a run and
for the tab of local models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.inference.types import ServeOptions
from core.sanitise import one_line
from tui.i18n import N_, _
from tui.model_sentences import size
from tui.screens.base import AreaScreen
from tui.widgets.dialogs import Ask, Choose, Confirm

if TYPE_CHECKING:
    from core.inference.types import Target
    from core.managed.types import Service

#: Seconds between two words about a server that is starting.
_EVERY_S = 1.0
_READY_WITHIN_S = 900.0
#: Seconds between two looks at servers that run.
_LOOK_S = 3.0
MERGEABLE = ("adapter", "checkpoint")


class TargetActions(AreaScreen):
    """The part of a screen that acts on the model in hand."""

    targets: tuple[Target, ...] = ()
    servers: dict[str, Service]

    @property
    def target_in_hand(self) -> Target | None:
        """The model that the keys act on, None for none."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def say_progress(self, text: str) -> None:
        """Show how far something is that takes a while; "" when it is over."""
        raise NotImplementedError

    async def read_targets(self, *, run_id: str | None = None, query: str = "") -> None:
        """Read the models and how their servers are; one that failed stays with its model."""
        self.targets = await self.services.inference.targets(self.principal, run_id=run_id, query=query)
        servers: dict[str, Service] = {}
        for service in await self.services.inference.services(self.principal):
            servers.setdefault(str(service.subject.get("target_id")), service)
        self.servers = {key: value for key, value in servers.items() if value.active or value.state == "failed"}

    def watch_servers(self) -> None:
        """Look again while a server is there: another process may look after it, and its end is told in that one only."""
        self.set_interval(_LOOK_S, self._look_again)

    def _look_again(self) -> None:
        if self.is_current and not self.gone and self.targets and any(service.active for service in self.servers.values()):
            self.reload()

    def server_of(self, target: Target) -> Service | None:
        return self.servers.get(target.id)

    # Serving ---------------------------------------------------------------------------------------------------------

    def action_serve(self) -> None:
        """Start a server for the model in hand, or stop the one it has."""
        target = self.target_in_hand
        if target is None:
            return
        service = self.server_of(target)
        if service is not None and service.active:
            self._ask_to_stop(target, service)
        else:
            self.start(self._choose_and_serve, target, group="serve", exclusive=False)

    async def _choose_and_serve(self, target: Target) -> None:
        """Ask how only where there is a choice."""
        backends = [each for each in await self.services.inference.backends(self.principal) if each.available]
        if len(backends) < 2:
            await self._served(target, ServeOptions())
            return
        options = [(each.name, each.name, each.version) for each in backends]

        def chosen(name: str | None) -> None:
            wanted = next((each.name for each in backends if each.name == name), None)
            if wanted is not None:
                self.start(self._served, target, ServeOptions(backend=wanted), group="serve", exclusive=False)

        self.app.push_screen(Choose(_("Serve it with"), options), chosen)

    async def _served(self, target: Target, options: ServeOptions) -> None:
        service = await self._serve(target, options)
        if service is not None:
            self.modeltrain.say(_("“{name}” is served; c chats with it.").format(name=one_line(target.name, 40)))

    async def _serve(self, target: Target, options: ServeOptions) -> Service | None:
        """A server for it that answers; None if that did not come about, and then it was said why."""
        service = await self.services.inference.serve(self.principal, target.id, options)
        self.reload(target.id)
        begun = self.services.clock.monotonic()
        while service.state == "starting" and self.services.clock.monotonic() - begun < _READY_WITHIN_S:
            passed = round(self.services.clock.monotonic() - begun)
            text = _("The model server of “{name}” is starting: {seconds} s. It goes on when you leave.")
            self.say_progress(text.format(name=one_line(target.name, 40), seconds=passed))
            service = await self.services.inference.ready(self.principal, service.id, within_s=_EVERY_S)
        self.say_progress("")
        self.reload(target.id)
        return service if service.state == "ready" else None

    def _ask_to_stop(self, target: Target, service: Service) -> None:
        question = _("Stop the model server of “{name}”?").format(name=one_line(target.name))

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._stop, target, service, group="stop", exclusive=False)

        self.app.push_screen(Confirm(question, _("Its memory becomes free. Its configuration is kept, and disabled until then.")), decided)

    async def _stop(self, target: Target, service: Service) -> None:
        self.say_progress(_("The model server of “{name}” is stopping.").format(name=one_line(target.name, 40)))
        try:
            await self.services.inference.stop(self.principal, service.id)
        finally:
            self.say_progress("")
        self.modeltrain.say(_("The model server of “{name}” has stopped.").format(name=one_line(target.name, 40)))
        self.reload(target.id)

    def action_log(self) -> None:
        """The log of its server."""
        target = self.target_in_hand
        service = self.server_of(target) if target is not None else None
        if service is None:
            self.modeltrain.say(_("It has no server, and so no log."))
            return
        from tui.screens.runs.log import LogScreen

        self.app.push_screen(LogScreen(one_line(service.name), service.log))

    # Using -----------------------------------------------------------------------------------------------------------

    def action_chat(self) -> None:
        """Chat with the model in hand; it is served first if need be."""
        if self.target_in_hand is not None:
            self.start(self._chat, self.target_in_hand, group="chat")

    async def _chat(self, target: Target) -> None:
        service = await self._ready_server(target)
        if service is None:
            return
        conversation = await self.services.chat.create(self.principal, configuration_id=service.configuration_id)
        await self.modeltrain.open_conversation(conversation.id)

    async def _ready_server(self, target: Target) -> Service | None:
        known = self.server_of(target)
        if known is not None and known.state == "ready":
            return known
        service = await self._serve(target, ServeOptions())
        if service is None:
            self.modeltrain.say(_("“{name}” could not be served; l shows the log.").format(name=one_line(target.name, 40)))
            return None
        return await self.services.managed.service(self.principal, service.id)

    def action_side_by_side(self) -> None:
        """Ask the model in hand and its base the same, side by side."""
        if self.target_in_hand is not None:
            self.start(self._side_by_side, self.target_in_hand, group="chat")

    async def _side_by_side(self, target: Target) -> None:
        base = await self.services.inference.base_of(self.principal, target.id)
        if base is None:
            self.modeltrain.say(_("“{name}” has no base model that could be compared.").format(name=one_line(target.name, 40)))
            return
        # One after the other: two models that load at once need the most memory at the same moment.
        found = [await self._ready_server(each) for each in (base, target)]
        left, right = found
        if left is None or right is None:
            return
        from tui.screens.compare.opening import visit

        visit(self.modeltrain, (left.configuration_id, right.configuration_id), (N_("base"), N_("trained")))

    # Merging, notes, deleting ----------------------------------------------------------------------------------------

    def action_merge(self) -> None:
        target = self.target_in_hand
        if target is None:
            return
        if target.kind not in MERGEABLE or not target.base:
            self.modeltrain.say(_("Only an adapter can be merged into its base."))
            return

        def typed(name: str | None) -> None:
            if name is not None:
                self.start(self._merge, target, name, group="merge")

        question = _("Merge “{name}” into its base: what is the merged model called?").format(name=one_line(target.name))
        suggested = _("{name} merged").format(name=target.name)
        self.app.push_screen(Ask(question, suggested, _("It becomes a run in the queue; the merged model appears here.")), typed)

    async def _merge(self, target: Target, name: str) -> None:
        from core.inference.types import MergeOptions

        run = await self.services.inference.merge(self.principal, target.id, MergeOptions(name=name))
        self.modeltrain.say(_("“{name}” is in the queue.").format(name=one_line(run.name)))

    def action_note(self) -> None:
        target = self.target_in_hand
        if target is None:
            return

        def typed(note: str | None) -> None:
            if note is not None and note.strip() != target.note:
                self.start(self._note, target, note, group="note")

        self.app.push_screen(Ask(_("Note about “{name}”").format(name=one_line(target.name)), target.note), typed)

    async def _note(self, target: Target, note: str) -> None:
        await self.services.inference.set_note(self.principal, target.id, note)
        self.reload(target.id)

    def action_delete_model(self) -> None:
        target = self.target_in_hand
        if target is None:
            return
        if target.kind not in ("checkpoint", "merged"):
            self.modeltrain.say(_("Only checkpoints and merged models are deleted here; the run's own results go with the run."))
            return
        question = _("Delete “{name}” from the disk?").format(name=one_line(target.name))
        explanation = _("{size} become free. This cannot be undone.").format(size=size(target.size_bytes))

        def decided(yes: bool | None) -> None:
            if yes:
                self.start(self._delete, target, group="delete", exclusive=False)

        self.app.push_screen(Confirm(question, explanation, danger=True), decided)

    async def _delete(self, target: Target) -> None:
        freed = await self.services.inference.delete(self.principal, target.id)
        self.modeltrain.say(_("Deleted; {size} are free now.").format(size=size(freed)))
        self.reload()
