#!/usr/bin/env bash
# Install Chromium for browser tests where that needs no question asked; otherwise go on without.
set -uo pipefail

for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then
    exit 0
  fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "no Chromium here: browser tests will be skipped (install the package chromium to run them)" >&2
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends chromium >>"$log" 2>&1; then
  echo "installed $(chromium --version 2>/dev/null)"
else
  tail -n 5 "$log" >&2
  echo "Chromium could not be installed: browser tests will be skipped" >&2
fi
rm -f "$log"
