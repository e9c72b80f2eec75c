"""Another process of the program, for tests: asks a comparison's question and goes on until it is killed.

python -m tests.unit.compare.other_process DATA EMAIL COMPARISON TEXT    prints "asked", then "grown" when every candidate's text grows
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from core.auth.principal import operator
from core.bootstrap import build_services
from core.settings import ChatSettings, load_settings


async def main(data: str, email: str, comparison_id: str, text: str) -> None:
    settings = replace(load_settings(Path(data), {}), chat=ChatSettings(save_every_s=0.05, model_titles=False))
    services = await build_services(settings)
    ann = await services.accounts.principal_for(operator("test"), email)
    asked = await services.comparisons.ask(ann, comparison_id, text)
    print("asked", flush=True)
    growing = [each.message.id for each in asked.answers if each.message is not None]
    await asyncio.gather(*(until_it_grows(services, ann, each) for each in growing))
    print("grown", flush=True)
    await asyncio.Event().wait()


async def until_it_grows(services, ann, answer_id: str) -> None:  # type: ignore[no-untyped-def]
    """Until a good part of the answer was saved, which happens every 0.05 s."""
    seen = 0
    async for update in services.comparisons.watch(ann, answer_id, interval_s=0.2):
        seen += bool(update.text)
        if seen >= 4 or update.message is not None:
            return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
