#!/usr/bin/env bash
# The three services as plain processes, on the parts that parts.sh started.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec python3 -m parts.services "$@"
