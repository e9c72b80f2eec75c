#!/usr/bin/env bash
# Builds a CPU-only training environment with the real LLaMA-Factory and SwanLab, for tests, in the folder given.
# About 2.5 minutes and 2.1 GB, once: a folder that already holds a whole one is left alone. Interrupted, it begins anew.
# usage: install.sh FOLDER        then: FOLDER/bin/llamafactory-cli, FOLDER/bin/swanlab
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
env=${1:?usage: install.sh FOLDER}
[[ -e $env/.complete ]] && exit 0
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
"$env/bin/pip" install -q -c "$env/constraints.txt" llamafactory==0.9.5 'swanlab[dashboard]==0.10.3'
"$env/bin/pip" check
touch "$env/.complete"
