#!/usr/bin/env bash
# Builds a CPU-only training environment with the real LLaMA-Factory and SwanLab, for tests, in the folder given.
# About 2.5 minutes and 2.1 GB, once: a folder that already holds a whole one is left alone. Interrupted, it begins anew.
# usage: install.sh FOLDER        then: FOLDER/bin/llamafactory-cli, FOLDER/bin/swanlab
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
env=${1:?usage: install.sh FOLDER}
gradio=5.50.0 # left alone, pip takes one that LLaMA-Factory's web interface cannot be started with
if [[ -e $env/.complete ]]; then
    "$env/bin/python" -c "import importlib.metadata as m; raise SystemExit(m.version('gradio') != '$gradio')" ||
        "$env/bin/pip" install -q -c "$env/constraints.txt" "gradio==$gradio" llamafactory==0.9.5 transformers==5.6.0
    exit 0
fi
mkdir -p "$(dirname "$env")"
"${PYTHON:-python3}" -m venv --clear "$env"
printf 'torch==2.13.0\ntorchvision==0.28.0\ntorchaudio==2.11.0\n' >"$env/constraints.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/stubs" "$work/"
"$env/bin/pip" install -q setuptools wheel
"$env/bin/pip" install -q torch==2.13.0
# The CPU build of torch has no torchvision or torchaudio beside it; LLaMA-Factory only needs their names.
"$env/bin/pip" install -q --no-deps --no-build-isolation "$work/stubs/torchaudio" "$work/stubs/torchvision"
"$env/bin/pip" install -q -c "$env/constraints.txt" llamafactory==0.9.5 "gradio==$gradio" 'swanlab[dashboard]==0.10.3'
"$env/bin/pip" check
touch "$env/.complete"
