"""Another process of the program, for tests: asks a question and makes the answer until it is killed or the answer has ended.

python -m tests.unit.chat.other_process DATA EMAIL CONFIGURATION TEXT    prints the ids as JSON, then "end STATE"
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from core.auth.principal import operator
from core.bootstrap import build_services
from core.settings import ChatSettings, load_settings


async def main(data: str, email: str, configuration: str, text: str) -> None:
    settings = replace(load_settings(Path(data), {}), chat=ChatSettings(save_every_s=0.05, model_titles=False))
    services = await build_services(settings)
    ann = await services.accounts.principal_for(operator("test"), email)
    sent = await services.chat.send(ann, None, text, configuration_id=configuration)
    print(json.dumps(asdict(sent)), flush=True)
    async for update in services.chat.watch(ann, sent.answer_id):
        if update.message is not None:
            print("end", update.message.state, flush=True)
    await services.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
