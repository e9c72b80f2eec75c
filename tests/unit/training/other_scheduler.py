"""A process that looks after runs until it is killed: `other_scheduler.py DATA_DIR GPUS`. Says a line for each turn."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from core.settings import TrainingSettings, load_settings
from storage.unit_of_work import Storage
from tests.unit.training.yard import Gpus, make_yard


async def main() -> None:
    settings = replace(load_settings(Path(sys.argv[1]), {}), training=TrainingSettings(runs_a_user=1000))
    yard = make_yard(Storage(settings.database_url), settings, Gpus(int(sys.argv[2])))
    while True:
        await yard.turn()
        os.write(1, b"turn\n")
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
