#!/usr/bin/env bash
# What the action runs (action.yml): inputs come as environment variables and stay data, as elements of an array.
# Ends with pytest's own exit code: 0 only if nothing failed and nothing could not be seen.
set -euo pipefail

# One line for people, and one that GitHub shows at the job. A message must stay one line: a second could be a command.
refuse() {
  local message=${1//$'\r'/ }
  message=${message//$'\n'/ }
  printf 'ERROR: %s\n' "$message" >&2
  printf '::error title=runbook checks::%s\n' "${message//%/%25}"
  exit 4
}

here=${GITHUB_ACTION_PATH:-$(cd "$(dirname "$0")/../.." && pwd)}
workspace=${GITHUB_WORKSPACE:-$PWD}
python=${RUNBOOK_PYTHON:-python}

for name in TARGET SELECTION WAIT_S FAIL_ON SANDBOX SOURCE BASELINE HISTORY OUT; do
  variable=INPUT_$name
  case ${!variable-} in
    *[$'\n\r']*) refuse "input ${name,,} has a line break: give one line" ;;
  esac
done

# Paths are the caller's: relative to what the job has checked out, while pytest runs in the action's own directory.
in_workspace() {
  case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$workspace" "$1" ;;
  esac
}

out=$(in_workspace "${INPUT_OUT:-${RUNNER_TEMP:-/tmp}/runbook-report}")
# Written first: whatever ends the run early leaves a verdict that says no. The last line of a name counts.
if [[ -n ${GITHUB_OUTPUT-} ]]; then
  printf 'verdict=failed\nreports=%s\n' "$out" >> "$GITHUB_OUTPUT"
fi
# A report of an earlier run must never be taken for this one's, nor may what the job sets for its own tests reach ours.
rm -f -- "$out/results.json"
unset PYTEST_ADDOPTS PYTEST_PLUGINS PYTHONPATH

arguments=("--out=$out")
case ${INPUT_TARGET-} in
  '') [[ ${INPUT_SANDBOX-} == true ]] || refuse "input target: name the environment to judge; there is no default" ;;
  *.toml) arguments+=("--target=$(in_workspace "$INPUT_TARGET")") ;;
  *) arguments+=("--target=$INPUT_TARGET") ;;
esac
selection=${INPUT_SELECTION-smoke}
[[ -z $selection ]] || arguments+=("-m$selection")
[[ ${INPUT_WAIT_S:-0} =~ ^[0-9]+$ ]] || refuse "input wait: '$INPUT_WAIT_S' is not a number of seconds"
arguments+=("--wait=${INPUT_WAIT_S:-0}")
case ${INPUT_FAIL_ON:-high} in
  critical | high | medium | low) arguments+=("--fail-on=${INPUT_FAIL_ON:-high}") ;;
  *) refuse "input fail-on: '$INPUT_FAIL_ON' is none of critical, high, medium and low" ;;
esac
[[ -z ${INPUT_SOURCE-} ]] || arguments+=("--source=$(in_workspace "$INPUT_SOURCE")")
[[ -z ${INPUT_BASELINE-} ]] || arguments+=("--baseline=$(in_workspace "$INPUT_BASELINE")")
[[ -z ${INPUT_HISTORY-} ]] || arguments+=("--history=$(in_workspace "$INPUT_HISTORY")")
# A gate that falls back to a simulation would be a lie: the sandbox only where it was asked for by its own input.
case ${INPUT_SANDBOX:-false} in
  true) arguments+=(--sandbox) ;;
  false) ;;
  *) refuse "input sandbox: '$INPUT_SANDBOX' is neither true nor false" ;;
esac
# Split as a shell would, quotes included, but without ever being one.
split='import os, shlex; print("".join(a + "\0" for a in shlex.split(os.environ.get("INPUT_ARGS", ""))), end="")'
mapfile -d '' -t more < <("$python" -c "$split" 2> /dev/null)
wait $! || refuse "input args: a quote is not closed"
for argument in "${more[@]}"; do
  case $argument in
    --sandbox) refuse "input args: the sandbox has its own input, sandbox: true" ;;
    @*) refuse "input args: '$argument' would read options from a file; write them here" ;;
  esac
done

cd "$here"
exec "$python" -m pytest "${arguments[@]}" "${more[@]}"
