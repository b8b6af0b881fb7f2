# The page without a browser: what is served, and that its files agree with one another.
source "$(dirname "$0")/lib.sh"

serve '{"answers": [{"text": "Hello!"}]}'
python3 "$here/page_test.py" "$url"
