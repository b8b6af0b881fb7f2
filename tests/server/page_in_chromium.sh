# The page in a real browser: bash page_in_chromium.sh SERVE_SCRIPT BUILD.  Pictures are left in BUILD/page.
source "$(dirname "$0")/lib.sh"

environment playwright 1.65.2
if ! command -v chromium >/dev/null; then
  echo "SKIPPED: there is no chromium: tools/setup.sh full"
  exit 77
fi
mkdir -p "$build/page"
exec "$venv/bin/python" "$here/page_in_chromium.py" "$serve_script" "$build/page"
