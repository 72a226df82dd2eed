#!/usr/bin/env bash
# Real Kafka and Cassandra without containers. Needs Python 3, Java 17 and, the first time, Maven.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 exec python3 -m parts "$@"
