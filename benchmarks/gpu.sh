#!/usr/bin/env bash
# The GPU half of the benchmarks with one command, correctness first; results land in benchmarks/results and README.md.
# Wants a torch that sees the GPU, kdviz's dependencies, and MNIST under $KDVIZ_DATA. OUT=folder copies the results there.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD" KDVIZ_STATIC=1
PYTHON=${PYTHON:-python3}
$PYTHON -c "import torch; assert torch.cuda.is_available(), 'no CUDA device: nothing is measured'"
$PYTHON benchmarks/correct.py --device cuda
for name in tutorial modules products peer added convolutions peers objectives hinton; do
  $PYTHON "benchmarks/$name.py" --device cuda || echo "benchmarks/$name.py failed: the others go on" >&2
done
$PYTHON benchmarks/table.py > /dev/null
if [ -n "${OUT:-}" ]; then cp -r benchmarks/results benchmarks/README.md "$OUT"; fi
