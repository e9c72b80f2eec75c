"""Where served people may choose files from: folders are called as in sftp, and nothing else of the server is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.auth.principal import Origin
from core.bootstrap import build_services
from core.errors import NotFound
from core.settings import Settings

ROW = '{"instruction": "a", "output": "b"}\n'


@pytest.mark.parametrize("with_shared", [False, True], ids=["own", "own and shared"])
async def test_served_people_walk_through_their_own_and_the_named_folders_only(
    settings: Settings, tmp_path: Path, with_shared: bool
) -> None:
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    (shared / "sub" / "a.jsonl").write_text(ROW)
    folders = (shared,) if with_shared else ()
    services = await build_services(replace(settings, training=replace(settings.training, dataset_folders=folders)))
    try:
        signed_in = await services.accounts.create_first_admin("ann@example.org", "Ann", "correct horse 7 staple", origin=Origin("local"))
        served = replace(signed_in.principal, served=True)
        own = services.files.folder(served) / "datasets"
        (own / "in").mkdir()
        (own / "in" / "b.jsonl").write_text(ROW)
        (own / "out").symlink_to("/etc")
        top = await services.datasets.browse(served)
        assert [entry.name for entry in top.entries] == (["/datasets", str(shared)] if with_shared else ["in"])
        inner = await services.datasets.browse(served, "/datasets/in/")
        assert (inner.place, [entry.name for entry in inner.entries]) == ("/datasets/in", ["b.jsonl"])
        assert (await services.datasets.add(served, "/datasets/in/b.jsonl")).name == "b"
        refused = ["/etc/", "/datasets/../../../", "/datasets/out/", "~/", str(tmp_path), *([] if with_shared else [str(shared)])]
        for path in refused:
            with pytest.raises(NotFound):
                await services.datasets.browse(served, path)
        if with_shared:
            assert (await services.datasets.browse(served, f"{shared}/sub/")).entries[0].name == "a.jsonl"
    finally:
        await services.close()
