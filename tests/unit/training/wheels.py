"""Small wheels in the place of LLaMA-Factory and its friends: pip really installs them, from a folder."""

from __future__ import annotations

import io
import tarfile
import textwrap
import zipfile
from pathlib import Path

from core.training import install_plan

#: name -> (version, modules with their text, extra lines of the metadata)
PARTS: dict[str, tuple[str, dict[str, str], str]] = {
    "torch": (install_plan.TORCH, {"torch/__init__.py": "__version__ = '2.13.0'\n"}, ""),
    "torchvision": ("0.28.0", {"torchvision/__init__.py": ""}, ""),
    "torchaudio": ("2.11.0", {"torchaudio/__init__.py": ""}, ""),
    "transformers": ("5.6.0", {"transformers/__init__.py": ""}, ""),
    "peft": ("0.18.1", {"peft/__init__.py": ""}, ""),
    "trl": ("0.24.0", {"trl/__init__.py": ""}, ""),
    "accelerate": ("1.11.0", {"accelerate/__init__.py": ""}, ""),
    "datasets": ("4.0.0", {"datasets/__init__.py": ""}, ""),
    "swanboard": ("0.1.10b2", {"swanboard/__init__.py": ""}, ""),
    "swanlab": (
        "0.10.3",
        {"swanlab/__init__.py": ""},
        "Provides-Extra: dashboard\nRequires-Dist: swanboard==0.1.10b2; extra == 'dashboard'\n",
    ),
    "bitsandbytes": ("0.49.0", {"bitsandbytes/__init__.py": ""}, ""),
}
_NEEDS = "".join(f"Requires-Dist: {name}\n" for name in ("torch", "torchaudio", "transformers", "peft", "trl", "accelerate", "datasets"))
LLAMAFACTORY = (
    "0.9.5",
    {"llamafactory/__init__.py": "", "llamafactory/train/__init__.py": "", "llamafactory/train/tuner.py": "import torch\n"},
    _NEEDS,
)
#: Builds the wheel when a file says that it may, and says itself when it waits.
_BACKEND = """
    import pathlib, shutil, time

    HERE = pathlib.Path({folder!r})

    def get_requires_for_build_wheel(settings=None):
        return []

    def build_wheel(target, settings=None, metadata=None):
        (HERE / "waits").touch()
        while not (HERE / "open").exists():
            time.sleep(0.05)
        wheel = next(HERE.glob("hidden/*.whl"))
        shutil.copy(wheel, pathlib.Path(target) / wheel.name)
        return wheel.name
"""


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], more: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    whole = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inner, text in {**whole, f"{info}/RECORD": record}.items():
            wheel.writestr(inner, text)
    return path


def write_index(folder: Path, *, gated: bool = False, broken: str = "") -> dict[str, str]:
    """A folder of wheels, and the variables that make pip take them from nowhere else.

    `gated`: LLaMA-Factory is built only once the file `open` is there; `broken`: a package whose module does not import.
    """
    for name, (version, files, more) in PARTS.items():
        texts = dict.fromkeys(files, "raise ImportError('libcudart.so.99: cannot open')\n") if name == broken else files
        write_wheel(folder, name, version, texts, more)
    version, files, more = LLAMAFACTORY
    write_wheel(folder / "hidden" if gated else folder, "llamafactory", version, files, more)
    if gated:
        _write_source(folder, version)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1"}


def _write_source(folder: Path, version: str) -> None:
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    files = {
        "pyproject.toml": project,
        "backend.py": textwrap.dedent(_BACKEND.format(folder=str(folder))),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: llamafactory\nVersion: {version}\n",
    }
    with tarfile.open(folder / f"llamafactory-{version}.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(f"llamafactory-{version}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
