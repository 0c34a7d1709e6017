#!/bin/sh
# Starts one node of the NATS cluster. NATS_PEERS lists the cluster addresses of all nodes, itself included:
# nats-1:6222,nats-2:6222,nats-3:6222. The passwords are in ONWARD_NATS_{SERVICES,WORKER,OBSERVER,SYS,ROUTE}_PASSWORD.
set -eu

# nats-server lets everybody in where a password is empty, and reads some texts as numbers or references.
for user in SERVICES WORKER OBSERVER SYS ROUTE; do
  variable="ONWARD_NATS_${user}_PASSWORD"
  eval "password=\${$variable-}"
  case $password in
    *[!A-Za-z0-9]*) why="holds something else than letters and digits" ;;
    [!A-Za-z]*) why="does not begin with a letter" ;;
    ????????????????*) continue ;;
    *) why="is not set, or shorter than 16 characters" ;;
  esac
  echo "misconfigured: $variable $why" >&2
  echo "fix: take one that deploy/new-secrets.sh prints" >&2
  exit 78
done

routes=
for peer in $(echo "$NATS_PEERS" | tr , ' '); do
  routes="$routes${routes:+, }\"nats://route:$ONWARD_NATS_ROUTE_PASSWORD@$peer\""
done

export NATS_ROUTES="[$routes]"
export NATS_NAME="${NATS_NAME:-$(hostname)}"
export NATS_DATA="${NATS_DATA:-/data}"
export NATS_LISTEN="${NATS_LISTEN:-0.0.0.0:4222}"
export NATS_CLUSTER_LISTEN="${NATS_CLUSTER_LISTEN:-0.0.0.0:6222}"
export NATS_HTTP="${NATS_HTTP:-127.0.0.1:8222}"

exec nats-server --config "$(dirname "$0")/node.conf" "$@"
