"""Dashboards of SwanLab and LLaMA-Factory's web interface: started, stopped, looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.sanitise import one_line
from core.swanlab.types import Project
from tui.i18n import _
from tui.screens.base import AreaScreen
from tui.screens.swanlab import service_texts, texts
from tui.widgets.dialogs import Choose, Confirm
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from core.managed.types import Service
    from core.swanlab.service import Swanlab
    from core.webui import WebUi

_TAIL = 16 * 1024


class ServiceActions(AreaScreen):
    """The part of the SwanLab screen that works on services."""

    _projects: tuple[Project, ...]
    _project: str | None
    _services: tuple[Service, ...]

    @property
    def rows(self) -> Rows:
        """The list."""
        raise NotImplementedError

    def reload(self, keep: str | None = None) -> None:
        """Read everything anew."""
        raise NotImplementedError

    @property
    def service_in_hand(self) -> Service | None:
        return next((item for item in self._services if item.id == self.rows.current_id), None)

    def service_allows(self, action: str) -> bool:
        """Whether `action` makes sense with the service in hand."""
        service = self.service_in_hand
        active, address = service is not None and service.active, service is not None and service.active and bool(service.url)
        allowed = {"stop": active, "forget": service is not None and not active, "copy_address": address}
        allowed |= dict.fromkeys(("restart", "show_log"), service is not None)
        return allowed.get(action, True)

    def _of(self, service: Service) -> Swanlab | WebUi:
        return self.services.webui if service.kind == "webui" else self.services.swanlab

    # Starting --------------------------------------------------------------------------------------------------------

    def action_dashboard(self) -> None:
        self.start(self._start_dashboard, group="dashboard")

    async def _start_dashboard(self) -> None:
        readable = [item for item in self._projects if not item.problem]
        if not readable:
            self.modeltrain.say(_("Nothing was logged to SwanLab yet: there is nothing a dashboard could show."))
            return
        project: str | None = self._project or readable[0].id
        if len(readable) > 1 and self._project is None:
            options = [(item.id, one_line(item.name), texts.project_word(item)) for item in readable]
            project = await self.app.push_screen_wait(Choose(_("A dashboard of which project?"), options))
        if project is None:
            return
        service = await self.services.swanlab.start(self.principal, project)
        self.reload()
        await self._until_ready(service)

    def action_webui(self) -> None:
        self.start(self._start_webui, group="dashboard")

    async def _start_webui(self) -> None:
        question = _("Start LLaMA-Factory's web interface?")
        if not await self.app.push_screen_wait(Confirm(question, _(service_texts.WEBUI_WARNING), danger=True)):
            return
        service = await self.services.webui.start(self.principal)
        self.reload(service.id)
        await self._until_ready(service)

    async def _until_ready(self, service: Service) -> None:
        found = await self._of(service).wait(self.principal, service.id)
        if found.state == "ready":
            self.modeltrain.say(_("It is ready: {url}").format(url=found.url))
        elif found.state == "failed":
            self.modeltrain.say(_("It did not start: Services says why."))
        self.reload()

    # Stopping --------------------------------------------------------------------------------------------------------

    def action_stop(self) -> None:
        if (service := self.service_in_hand) is not None and service.active:
            self.start(self._stop, service, group="change", exclusive=False)

    async def _stop(self, service: Service) -> None:
        await self._of(service).stop(self.principal, service.id)
        self.modeltrain.say(_("It was stopped; none of its processes is left."))
        self.reload()

    def action_restart(self) -> None:
        if (service := self.service_in_hand) is not None:
            self.start(self._restart, service, group="dashboard")

    async def _restart(self, service: Service) -> None:
        again = await self._of(service).restart(self.principal, service.id)
        self.reload()
        await self._until_ready(again)

    def action_forget(self) -> None:
        if (service := self.service_in_hand) is not None:
            self.start(self._forget, service, group="change", exclusive=False)

    async def _forget(self, service: Service) -> None:
        await self._of(service).forget(self.principal, service.id)
        self.reload()

    # Looking ---------------------------------------------------------------------------------------------------------

    def action_copy_address(self) -> None:
        if (service := self.service_in_hand) is not None and service.url:
            self.app.copy_to_clipboard(service.url)
            self.modeltrain.say(_("Copied: {url}").format(url=service.url))

    def action_show_log(self) -> None:
        if (service := self.service_in_hand) is not None:
            self.start(self._show_log, service, group="log")

    async def _show_log(self, service: Service) -> None:
        import asyncio

        from tui.screens.swanlab.output import OutputScreen

        path = await self._of(service).log_path(self.principal, service.id)

        def read() -> str:
            try:
                with path.open("rb") as reader:
                    reader.seek(max(0, path.stat().st_size - _TAIL))
                    return reader.read(_TAIL).decode("utf-8", "replace")
            except OSError:
                return ""

        self.app.push_screen(OutputScreen(one_line(service.name), await asyncio.to_thread(read)))
