#!/usr/bin/env bash
# What continuous integration does for the leaderboard, the same on any machine:
#
#   leaderboard_ci.sh pull-request BASE HEAD [OUT]   judge what a branch hands in
#   leaderboard_ci.sh merge [OUT]                    verify what is new, the axes of all, rank, build the page
#   leaderboard_ci.sh weekly [OUT]                   verify everything, make the controls anew, rank, build
#   leaderboard_ci.sh record OUT                     commit the verdicts and tables that OUT holds
#
# OUT (leaderboard-ci if absent) is where reports and the page go. ACCOUNT is who hands in, if known.
# The code that runs is that of this checkout; of HEAD there are only files of entries, as data.
# Exit status 1: an entry did not pass, and everything else was done. 2: the branch is refused.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

board=results/leaderboard
listing=results/README.md
bench=${BIMT_BENCH:-.venv/bin/bimt-bench}
budget=${LEADERBOARD_BUDGET:-120}        # seconds of a pull request for training again
merge_budget=${LEADERBOARD_MERGE_BUDGET:-1800}

leaderboard() { "$bench" leaderboard "$@"; }

# Runs a command of which 1 means 'an entry did not pass'; goes on, and remembers it.
failed=0
noting() {
  local status=0
  "$@" || status=$?
  if [ "$status" -gt 1 ]; then exit "$status"; fi
  if [ "$status" -eq 1 ]; then failed=1; fi
}

# What is printed quotes strangers: GitHub must take none of it for a command.
silence() {
  if [ -n "${GITHUB_ACTIONS:-}" ]; then
    echo "::stop-commands::$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  fi
}

judge() {
  local base=$1 head=$2 out=$3 folder entries=()
  local -a asked=(changes "$base" --head "$head" --take "$out/board" --board "$board")
  if [ -n "${ACCOUNT:-}" ]; then asked+=(--by "$ACCOUNT"); fi
  mkdir -p "$board"
  leaderboard "${asked[@]}" >"$out/added.txt"
  while IFS= read -r folder; do entries+=("$folder"); done <"$out/added.txt"
  if [ "${#entries[@]}" -eq 0 ]; then
    echo "no entry is added"
    return
  fi
  noting leaderboard verify --board "$out/board" --changed-only --budget "$budget" --minutes 10 \
    --report "$out/verdicts.jsonl" -- "${entries[@]}"
}

# Ranks, writes the tables and the page, and puts what is to be committed beside them.
publish() {
  local out=$1 part
  leaderboard rank --board "$board" --write "$listing" >"$out/rank.txt"
  leaderboard build --board "$board" --out "$out/site"
  mkdir -p "$out/record"
  cp "$listing" "$out/record/"
  for part in verdicts controls; do
    if [ -d "$board/$part" ]; then cp -R "$board/$part" "$out/record/"; fi
  done
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "built=yes" >>"$GITHUB_OUTPUT"; fi
}

record() {
  local from=$1/record part
  cp "$from/$(basename "$listing")" "$listing"
  for part in verdicts controls; do
    if [ -d "$from/$part" ]; then mkdir -p "$board/$part" && cp -R "$from/$part/." "$board/$part/"; fi
  done
  git add -- "$listing" "$board"
  if git diff --cached --quiet; then
    echo "nothing new to record"
    return
  fi
  git commit -q -m "Verdicts and tables of the leaderboard"
}

usage() {
  sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}

task=${1:-}
case "$task:$#" in
  pull-request:[34]) out=${4:-leaderboard-ci} ;;
  merge:[12] | weekly:[12] | record:2) out=${2:-leaderboard-ci} ;;
  *) usage ;;
esac
mkdir -p "$out"
silence
case "$task" in
  pull-request)
    judge "$2" "$3" "$out"
    ;;
  merge)
    noting leaderboard verify --board "$board" --changed-only --budget "$merge_budget" --report "$out/new.jsonl"
    noting leaderboard verify --board "$board" --axes --report "$out/axes.jsonl"
    publish "$out"
    ;;
  weekly)
    noting leaderboard verify --board "$board" --report "$out/all.jsonl"
    leaderboard controls --board "$board"
    publish "$out"
    ;;
  record)
    record "$out"
    ;;
esac
exit "$failed"
