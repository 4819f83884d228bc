#!/usr/bin/env bash
# s3fs 2026.9.0: a forked process that reads from S3 can make the process that it was forked from wait for 15 seconds.
#
# fsspec looks after forks: a forked process makes file systems of its own, and forgets those that it inherited. When
# one of them is collected as garbage s3fs closes its connections. If the thread of the new event loop happens to
# collect it, s3fs takes that loop for the one of the connections, and closes them there. The sockets would stand it, as
# each process has its own descriptors; but closing takes them out of the epoll object of their loop, and that is one
# object for both processes. So the parent is never told of the answer to its next request: it waits until the read
# times out, after 15 seconds, and asks again, and so it does with every connection that was open at the fork. If the
# main thread collects it, only the child waits, for a second.
#
# PyTorch's DataLoader forks its workers (on Linux, up to Python 3.13), so this may happen at each start of workers to a
# process that has read from S3 itself: the report or the checkpoint after the epoch takes 15 seconds longer. Which
# thread collects is a matter of how many objects there are: with torchvision imported it was that of the loop after two
# forks of two, with torch alone after none of two. The remedy is a variable of a module that refers to the file system:
# workers inherit it.
#
# Below a process reads an object of 1,000 bytes, forks one that reads it too, and reads it again, over one connection.
#
# Seen on Linux, Python 3.11:
#   collected by the loop's thread: the parent reads in under 1 second before the fork, in about 15 seconds after it
#   collected by the main thread: the parent reads in under 1 second before the fork, in under 1 second after it
#   kept in a variable: the parent reads in under 1 second before the fork, in under 1 second after it
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check s3fs==2026.9.0 fsspec==2026.9.0 aiobotocore==3.10.0 \
  aiohttp==3.14.5

cat > "$work/server.py" <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class OneObject(BaseHTTPRequestHandler):
    """Answers every request with an object of 1,000 bytes, and keeps the connection open, as S3 does."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.send_response(200)
        for header in ("Content-Length", "1000"), ("ETag", '"0"'), ("Last-Modified", "Mon, 02 Nov 2026 00:00:00 GMT"):
            self.send_header(*header)
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(bytes(1000))


server = ThreadingHTTPServer(("127.0.0.1", 0), OneObject)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON

cat > "$work/forks.py" <<'PYTHON'
import gc
import multiprocessing
import os
import subprocess
import sys
import time

import fsspec
import fsspec.asyn


def read():
    """Read the object; how long that took."""
    begin = time.monotonic()
    assert len(fsspec.filesystem("s3").cat_file("bucket/name")) == 1000
    seconds = time.monotonic() - begin
    return "under 1 second" if seconds < 1 else "about 15 seconds" if 14 < seconds < 20 else f"{seconds:.1f} seconds"


def child():
    """What the forked process does."""
    if how == "collected by the main thread":
        gc.collect()
    else:
        fsspec.asyn.get_loop().call_soon_threadsafe(gc.collect)
    read()


how = sys.argv[1]
with subprocess.Popen([sys.executable, "server.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
    try:
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any", AWS_DEFAULT_REGION="us-east-1")
        if how == "kept in a variable":
            fs = fsspec.filesystem("s3")
        read()  # imports, and connects
        before = read()
        forked = multiprocessing.get_context("fork").Process(target=child)
        forked.start()
        forked.join()
        assert forked.exitcode == 0
        print(f"{how}: the parent reads in {before} before the fork, in {read()} after it")
    finally:
        server.kill()
PYTHON

cd "$work"
seen="$(for how in "collected by the loop's thread" "collected by the main thread" "kept in a variable"; do
  "$work/venv/bin/python" forks.py "$how" 2> "$work/log"  # the child tells of an exception in a task
done)"
echo "$seen"
expected="collected by the loop's thread: the parent reads in under 1 second before the fork, in about 15 seconds after it
collected by the main thread: the parent reads in under 1 second before the fork, in under 1 second after it
kept in a variable: the parent reads in under 1 second before the fork, in under 1 second after it"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
