#!/bin/sh
# Prints new random secrets, one NAME=value a line: for compose `> .env`, for Kubernetes `--from-env-file`.
# They are letters and digits that begin with a letter: safe in a URL, in a shell and in the servers' configuration.
set -eu
umask 077

for name in NATS_SERVICES NATS_WORKER NATS_OBSERVER NATS_SYS NATS_ROUTE POSTGRES; do
  random=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  [ ${#random} -eq 48 ] || { echo "fix: /dev/urandom cannot be read here" >&2; exit 1; }
  echo "ONWARD_${name}_PASSWORD=s$random"
done
