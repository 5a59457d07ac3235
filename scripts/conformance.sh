#!/usr/bin/env bash
# Asks a running gateway whatever its own OpenAPI document allows and forbids: no answer of the server's fault, and none
# that the document does not know. The tester comes from the Python package index, into .cache.
set -eu
cd "$(dirname "$0")/.."
tester=.cache/conformance
# The tester does not run with the newest generator.
packages="schemathesis==4.4.0 hypothesis==6.149.1"
if [ "$(cat "$tester/packages" 2>/dev/null)" != "$packages" ]; then
  python3 -m venv "$tester"
  # shellcheck disable=SC2086 # a list
  "$tester/bin/pip" install -q --disable-pip-version-check $packages
  echo "$packages" >"$tester/packages"
fi
node scripts/build.mjs --quiet

said=$(mktemp)
HOST=127.0.0.1 PORT=0 OPS_PORT=0 LOG_LEVEL=warn CONFIG_PATH=scripts/conformance.gateway.yaml node dist/main.js >/dev/null 2>"$said" &
gateway=$!
trap 'kill "$gateway" 2>/dev/null; rm -f "$said"' EXIT
until grep -q 'Try it:' "$said"; do
  kill -0 "$gateway" || { cat "$said" && exit 1; }
  sleep 0.1
done
url=$(sed -n 's/.*API *\(http:[^ ]*\)\/v1.*/\1/p' "$said")

cd "$tester" # where it keeps what it found
bin/st run "$url/docs-json" --url "$url" --seed 1 --max-examples "${1:-60}" --phases examples,coverage,fuzzing \
  --suppress-health-check all --generation-database none --request-timeout 20 --continue-on-failure --no-shrink \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,unsupported_method
