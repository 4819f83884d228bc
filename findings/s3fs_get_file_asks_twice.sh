#!/usr/bin/env bash
# s3fs 2026.9.0: get_file() of an object of more than 50 MiB asks for it twice, and tries no part of it again.
#
# It asks for the whole object, looks only at the length in the answer and drops the connection; then it asks for ranges
# of 50 MiB, ten at once, and keeps them in memory until all ten are there. A smaller object is one request, which is
# tried again where the connection breaks. A range is not: one answer that is cut short ends get_file() with an error.
# To read large objects evenly, ask for block after block with cat_file(start=..., end=...).
#
# Seen on Linux, Python 3.11:
#   40 MiB: asked for ['all']; read
#   40 MiB, an answer cut short: asked for ['all', 'bytes=N-']; read
#   120 MiB: asked for ['all', 'bytes=0-52428799', 'bytes=104857600-125829119', 'bytes=52428800-104857599']; read
#   120 MiB, an answer cut short: ClientPayloadError
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  s3fs==2026.9.0 fsspec==2026.9.0 aiobotocore==3.10.0 'moto[s3,server]==5.2.5'

cat > "$work/work.py" <<'PYTHON'
import logging
import os
import re
import threading

import s3fs
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
logging.getLogger("werkzeug").setLevel(logging.ERROR)
moto, asked, cuts = DomainDispatcherApplication(create_backend_app), [], []


def watched(environ, start):
    body = moto(environ, start)
    if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].endswith(".bin"):
        return body
    span = environ.get("HTTP_RANGE", "all")
    asked.append(span)
    if cuts and (cuts[0] == span):
        cuts.clear()
        data = b"".join(body)
        return [data[: len(data) // 2]]
    return body


server = make_server("127.0.0.1", 0, watched, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
fs = s3fs.S3FileSystem(endpoint_url=f"http://127.0.0.1:{server.server_port}")
fs.mkdir("bucket")
for size, cut in ((40, None), (40, "all"), (120, None), (120, "bytes=52428800-104857599")):
    data = bytes(size << 20)
    fs.pipe_file("bucket/one.bin", data)
    asked.clear()
    cuts[:] = [cut] if cut else []
    what = f"{size} MiB{', an answer cut short' if cut else ''}:"
    try:
        fs.get_file("bucket/one.bin", "here.bin")
    except Exception as error:
        print(what, type(error).__name__)
        continue
    spans = [re.sub(r"=\d+-\d*$", "=N-", one) if size == 40 else one for one in asked]
    print(what, "asked for", f"{sorted(spans)};", "read" if open("here.bin", "rb").read() == data else "other bytes")
PYTHON

seen="$(cd "$work" && "$work/venv/bin/python" work.py 2>/dev/null)"
echo "$seen"
expected="40 MiB: asked for ['all']; read
40 MiB, an answer cut short: asked for ['all', 'bytes=N-']; read
120 MiB: asked for ['all', 'bytes=0-52428799', 'bytes=104857600-125829119', 'bytes=52428800-104857599']; read
120 MiB, an answer cut short: ClientPayloadError"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
