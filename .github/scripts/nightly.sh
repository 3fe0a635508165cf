#!/usr/bin/env bash
# The steps of nightly-drift.yml that are more than one command: nightly.sh targets|prepare|remember|merge|complete
set -euo pipefail

# Names of all targets, as the JSON array that a matrix is made of.
targets() {
  local files=(targets/*.toml)
  [[ -e ${files[0]} ]] || { echo '::error title=nightly drift::targets/ holds no target'; exit 1; }
  local names
  names=$(jq -cn '[$ARGS.positional[] | ltrimstr("targets/") | rtrimstr(".toml")]' --args "${files[@]}")
  printf 'names=%s\n' "$names" >> "$GITHUB_OUTPUT"
}

# The target's role, and last night's results: there are none on the first night, and after GitHub dropped the cache.
prepare() {
  local role
  role=$(jq -rn 'env.ROLES | if . == "" then {} else fromjson end | .[env.TARGET] // env.ROLE') || role=''
  if [[ -z $role ]]; then
    echo "::error title=nightly drift::no role for $TARGET: name it in the variable RUNBOOK_ROLES, a JSON object"
    exit 1
  fi
  printf 'role=%s\n' "$role" >> "$GITHUB_OUTPUT"
  mkdir -p memory
  if [[ -s memory/last.json ]]; then
    echo 'baseline=memory/last.json' >> "$GITHUB_OUTPUT"
  else
    echo '::notice title=nightly drift::no earlier night is remembered: findings are not told new from known'
  fi
}

# A night that judged nothing is nothing to compare with: the one before it stays.
remember() {
  if [[ -s $REPORTS/results.json ]]; then
    cp -- "$REPORTS/results.json" memory/last.json
  fi
}

# One report of all targets. Those whose results are missing are given, too: the merge says so in the report.
merge() {
  local list names
  list=$(jq -r '.[]' <<< "${TARGETS:?}")
  mapfile -t names <<< "$list"
  python -m reports merge "${names[@]/#/nights/results-}" --out reports/out
}

# Every target has results, whatever they say; otherwise nobody looked, and that is red.
complete() {
  local names name missing=()
  names=$(jq -r '.[]' <<< "${TARGETS:?}")
  while read -r name; do
    [[ -s nights/results-$name/results.json ]] || missing+=("$name")
  done <<< "$names"
  if [[ ${#missing[@]} -gt 0 ]]; then
    echo "::error title=nightly drift::nobody looked at ${missing[*]}: there are no results; see the job of each"
    exit 1
  fi
  [[ $JUDGED == success || $JUDGED == failure ]] || { echo "::error title=nightly drift::judging was $JUDGED"; exit 1; }
}

case ${1-} in
  targets | prepare | remember | merge | complete) "$1" ;;
  *) echo "usage: nightly.sh targets|prepare|remember|merge|complete" >&2; exit 2 ;;
esac
