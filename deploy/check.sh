#!/usr/bin/env bash
# Looks at everything under deploy/ without starting any of it, as far as the tools for it are installed:
#
#   haproxy                    the gateway's configuration, and the names of its metrics
#   promtool                   Prometheus' configuration, the alerts, and their tests
#   docker-compose | docker    the compose files, in development and production
#   kustomize | kubectl        the Kubernetes manifests
#   kubernetes-validate        their schemas
#   jq                         the dashboards
#
# The metrics that alerts and dashboards name are looked up in the code in any case. Exits with 1 if something is wrong;
# what can't be looked at is said, and is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
proxy=
trap 'if [[ -n $proxy ]]; then kill "$proxy" 2>/dev/null || true; fi; rm -rf "$scratch"' EXIT
failed=0

have() { command -v "$1" >/dev/null 2>&1; }
skip() { printf 'skipped  %s: %s\n' "$1" "$2"; }
# check NAME COMMAND...: says how it went, and what the command said if it went wrong.
check() {
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1; then
    printf 'ok       %s\n' "$name"
  else
    printf 'WRONG    %s\n' "$name"
    sed 's/^/         /' "$scratch/output"
    failed=1
  fi
}

rules=deploy/monitoring/rules.yml
dashboards=(deploy/monitoring/grafana/dashboards/*.json)
manifests=deploy/kubernetes

# The metrics that a pattern finds in alerts, dashboards and the autoscaler; those of a histogram by its own name.
named() {
  grep -ohE "\b$1[a-z_]+" "$rules" "${dashboards[@]}" $(find "$manifests" -name '*.yaml' 2>/dev/null) |
    sed -E 's/_(bucket|sum|count)$//' | sort -u
}

metrics_of_the_code() {
  local missing=0 name
  for name in $(named stockwire_); do
    [[ $name == stockwire_*_ ]] && continue
    grep -rqF --include='*.rs' "\"$name\"" crates/*/src && continue
    echo "no service has $name"
    missing=1
  done
  for name in $(named process_ | sed 's/^process_//'); do
    grep -qF "\"$name\"" crates/service/src/process.rs 2>/dev/null && continue
    echo "no service has process_$name"
    missing=1
  done
  return "$missing"
}

# Asks a HAProxy that serves nothing what it would tell of itself.
metrics_of_the_gateway() {
  cat >"$scratch/haproxy.cfg" <<END
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend metrics
    bind unix@$scratch/metrics
    http-request use-service prometheus-exporter
    default_backend hubs
backend hubs
    server hub-1 127.0.0.1:1 check
END
  haproxy -q -f "$scratch/haproxy.cfg" &
  proxy=$!
  local missing=0 name
  curl -sS --retry 20 --retry-all-errors --retry-delay 1 --max-time 30 --unix-socket "$scratch/metrics" \
    http://gateway/metrics >"$scratch/metrics.txt"
  kill "$proxy"
  wait "$proxy" 2>/dev/null || true
  proxy=
  for name in $(named haproxy_); do
    [[ $name == haproxy_*_ ]] && continue
    grep -q "^# TYPE $name " "$scratch/metrics.txt" && continue
    echo "HAProxy has no $name"
    missing=1
  done
  return "$missing"
}

gateway() {
  GATEWAY_REQUESTS_PER_ADDRESS=1 GATEWAY_CONNECTIONS_PER_ADDRESS=1 GATEWAY_CONNECTIONS=100 GATEWAY_DNS=127.0.0.1:53 \
    GATEWAY_API=inventory-api:8080 GATEWAY_HUB=hub:8082 haproxy -c -f deploy/gateway/haproxy.cfg
}

# Every alert says what is wrong, what it means, what to do, and how bad it is; and its test names it.
alerts_explain_themselves() {
  local alerts wrong=0 key count name
  alerts=$(grep -c -- '- alert:' "$rules")
  for key in summary meaning action severity; do
    count=$(grep -cE "\b$key: *\S" "$rules")
    [[ $count == "$alerts" ]] || { echo "$alerts alerts, and $count times $key"; wrong=1; }
  done
  for name in $(sed -n 's/.*- alert: *//p' "$rules"); do
    grep -q "$name" deploy/monitoring/rules_test.yml || { echo "no test for $name"; wrong=1; }
  done
  return "$wrong"
}

dashboards_are_complete() {
  local file wrong=0
  for file in "${dashboards[@]}"; do
    jq -e '.uid and .title and (.panels | length > 0) and ([.panels[].id] | length == (unique | length))
      and all(.panels[]; .type == "row" or (.targets | length > 0 and all(.expr != "")))
      and all(.panels[]; .type == "row" or .datasource.uid == "prometheus")' "$file" >/dev/null ||
      { echo "$file: a part is missing"; wrong=1; }
  done
  return "$wrong"
}

# The README knows every variable of the compose files, and every alert.
readme_is_complete() {
  local name missing=0
  for name in $(grep -ohE '\$\{[A-Z_]+' docker-compose.yml deploy/compose.production.yml deploy/monitoring/compose.yml |
    tr -d '${' | sort -u) $(sed -n 's/.*- alert: *//p' "$rules"); do
    grep -qF "\`$name\`" deploy/README.md || { echo "deploy/README.md doesn't mention $name"; missing=1; }
  done
  return "$missing"
}

# Dashboards' queries, as rules: Grafana's own variables stand for times.
queries_parse() {
  jq -r '.panels[].targets[]?.expr' "${dashboards[@]}" | sed 's/\$__rate_interval/5m/g' |
    jq -R '{record: "query", expr: .}' | jq -s '{groups: [{name: "dashboards", rules: .}]}' >"$scratch/queries.yml"
  # The same name again and again: what it complains of doesn't matter, what doesn't parse does.
  promtool check rules --lint=none "$scratch/queries.yml"
}

compose() { "${compose[@]}" "$@"; }
production() {
  STOCKWIRE_SECRETS=$scratch compose -f docker-compose.yml -f deploy/compose.production.yml --profile monitoring config -q
}

render() { if have kustomize; then kustomize build "$1"; else kubectl kustomize "$1"; fi; }
rendered() { render "$manifests/$1" >"$scratch/$(basename "$1").yaml"; }
# Kinds that Kubernetes doesn't know by itself (PodMonitor) are passed over.
schemas() {
  [[ -s $scratch/base.yaml && -s $scratch/example.yaml ]] &&
    kubernetes-validate --quiet --strict "$scratch/base.yaml" "$scratch/example.yaml"
}

check "metrics are in the code" metrics_of_the_code
check "alerts explain themselves and are tested" alerts_explain_themselves
check "README names all variables and alerts" readme_is_complete

if have haproxy; then
  check "gateway" gateway
  if have curl; then check "metrics are HAProxy's" metrics_of_the_gateway; else skip "metrics of HAProxy" "no curl"; fi
else
  skip "gateway" "no haproxy"
fi

if have promtool; then
  check "Prometheus" promtool check config deploy/monitoring/prometheus.yml
  check "alerts" promtool test rules deploy/monitoring/rules_test.yml
else
  skip "Prometheus and alerts" "no promtool"
fi

if have jq; then
  check "dashboards" dashboards_are_complete
  if have promtool; then check "dashboards' queries" queries_parse; fi
else
  skip "dashboards" "no jq"
fi

compose=()
if have docker && docker compose version >/dev/null 2>&1; then
  compose=(docker compose)
elif have docker-compose; then
  compose=(docker-compose)
fi
if [[ ${#compose[@]} -gt 0 ]]; then
  check "compose" compose config -q
  check "compose with monitoring" compose --profile monitoring config -q
  check "compose in production" production
else
  skip "compose" "neither docker compose nor docker-compose"
fi

# Before 1.27, kubectl's kustomize doesn't know all that the manifests use.
old_kubectl() {
  local minor
  minor=$(kubectl version --client -o json 2>/dev/null | sed -nE 's/.*"minor": *"([0-9]+).*/\1/p' | head -n 1)
  [[ ${minor:-0} -lt 27 ]]
}
if have kustomize || { have kubectl && ! old_kubectl; }; then
  check "Kubernetes: base" rendered base
  check "Kubernetes: example" rendered overlays/example
  if have kubernetes-validate; then check "Kubernetes: schemas" schemas; else skip "Kubernetes: schemas" "no kubernetes-validate"; fi
else
  skip "Kubernetes" "neither kustomize nor a kubectl of 1.27 or newer"
fi

exit "$failed"
