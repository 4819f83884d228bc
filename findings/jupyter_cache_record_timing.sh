#!/usr/bin/env bash
# jupyter-cache 1.0.1 does not recognize a notebook that nbclient 0.11.0 executed with its defaults.
#
# nbclient writes when each cell ran to the cell's metadata (`record_timing`, on by default; `jupyter execute` does the
# same). The key of a notebook in the cache is a hash of the code and of all metadata of its cells, times included. So a
# notebook that was executed elsewhere and put in (`jcache cache add`, `cache_notebook_file()`), which is there for
# that, is never found for its source, and executed again: by `jcache project execute`, and by myst-nb, which asks the
# same function (`match_cache_notebook()`). Nothing is said; and each execution of one notebook adds another entry. The
# documentation says that the hash is of what affects the execution only. Execute with `record_timing=False`, or delete
# `cell.metadata["execution"]` before you put the notebook in.
#
# Seen on Linux, Python 3.11, a notebook of one cell, executed and put in twice:
#   record_timing default: 2 entries, source not found
#   record_timing off: 1 entry, source found
#   jupyter execute, jcache cache add: source not found
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  jupyter-cache==1.0.1 nbclient==0.11.0 nbformat==5.11.1 ipykernel==7.4.0

cat > "$work/cache.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from nbclient import NotebookClient

work = Path(sys.argv[1])
source, executed = work / "source.ipynb", work / "executed.ipynb"
cells = [nbformat.v4.new_code_cell("print(6 * 7)")]
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), source)


def found(cache):
    try:
        cache.match_cache_notebook(nbformat.read(source, as_version=4))
    except KeyError:
        return "source not found"
    return "source found"


for words, options in (("default", {}), ("off", {"record_timing": False})):
    cache = get_cache(str(work / words))
    for _ in range(2):
        notebook = nbformat.read(source, as_version=4)
        NotebookClient(notebook, **options).execute()
        nbformat.write(notebook, executed)
        cache.cache_notebook_file(str(executed), overwrite=True)
    entries = len(cache.list_cache_records())
    print(f"record_timing {words}: {entries} {'entry' if entries == 1 else 'entries'}, {found(cache)}")

programs, folder = Path(sys.executable).parent, work / "programs"
subprocess.run([programs / "jupyter", "execute", source, f"--output={executed}"], check=True)
add = [programs / "jcache", "cache", "-p", folder, "add", executed]
subprocess.run(add, check=True, stdout=sys.stderr, input=b"y\n")  # yes, make the cache
print("jupyter execute, jcache cache add:", found(get_cache(str(folder))))
PYTHON

export IPYTHONDIR="$work/ipython" JUPYTER_CONFIG_DIR="$work/jupyter" JUPYTER_DATA_DIR="$work/jupyter"
seen="$("$work/venv/bin/python" "$work/cache.py" "$work" 2>/dev/null)"
echo "$seen"
expected="record_timing default: 2 entries, source not found
record_timing off: 1 entry, source found
jupyter execute, jcache cache add: source not found"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
