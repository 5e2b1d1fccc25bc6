#!/usr/bin/env bash
# ministack and Valkey in the foreground, without Docker. Ctrl-C ends both.
# AWS_PORT (4566), REDIS_PORT (6379) and REGION (us-east-1) may be set. See README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
if [[ ! -x $python ]]; then
    echo "no .venv yet: run make test or make run once" >&2
    exit 1
fi
exec "$python" - "${AWS_PORT:-4566}" "${REDIS_PORT:-6379}" "${REGION:-us-east-1}" <<'PYTHON'
import signal
import sys
import time

from workbench.stack.children import StackError, start_ministack, start_valkey

aws_port, redis_port, region = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
children = []
try:
    children.append(start_ministack(aws_port, region))
    children.append(start_valkey(redis_port))
    print(f"export AWS_ENDPOINT_URL=http://127.0.0.1:{aws_port}")
    print(f"export TIDINGS_REDIS_URL=redis://127.0.0.1:{redis_port}/0", flush=True)
    while True:
        time.sleep(0.5)
        for child in children:
            if why := child.dead():
                raise StackError(why)
except KeyboardInterrupt:
    pass
except StackError as fault:
    sys.exit(f"tidings: {fault}")
finally:
    for child in reversed(children):
        child.stop()
PYTHON
