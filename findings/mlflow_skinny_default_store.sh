#!/usr/bin/env bash
# mlflow-skinny 3.17.2 cannot log to its own default store, nor to a folder of files.
#
# With nothing configured, `mlflow.start_run()` takes sqlite:///mlflow.db, whose store is not part of mlflow-skinny: the
# call fails with UnsupportedModelRegistryStoreURIException. A folder (MLFLOW_TRACKING_URI=DIR), which releases of MLflow
# before version 3 used by default, is refused unless MLFLOW_ALLOW_FILE_STORE=true is set. So a program that depends on
# mlflow-skinny, as its documentation suggests for clients, logs nowhere until a server is named.
#
# Seen on Linux, Python 3.11:
#   default: UnsupportedModelRegistryStoreURIException
#   folder: MlflowException
#   folder, allowed: logged
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlflow-skinny==3.17.2

cat > "$work/log_once.py" <<'PYTHON'
import logging
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import mlflow  # noqa: E402

try:
    with mlflow.start_run():
        mlflow.log_metric("loss", 1.0, step=1)
    print("logged")
except Exception as error:
    print(type(error).__name__)
PYTHON

log_once() { (cd "$work" && env -u MLFLOW_TRACKING_URI "$@" "$work/venv/bin/python" log_once.py 2>/dev/null | tail -1); }

seen="$(
  echo "default: $(log_once A=1)"
  echo "folder: $(log_once MLFLOW_TRACKING_URI="$work/runs")"
  echo "folder, allowed: $(log_once MLFLOW_TRACKING_URI="$work/runs" MLFLOW_ALLOW_FILE_STORE=true)"
)"
echo "$seen"
expected="default: UnsupportedModelRegistryStoreURIException
folder: MlflowException
folder, allowed: logged"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
