#!/usr/bin/env bash
# Everything that needs a GPU, in one command that runs from the checkout alone: bash bench/device.sh [PART ...]
# Each part has its own time limit and writes JSON lines as it goes, so one that fails loses nothing of the others.
# Results: $OUT/device.jsonl, or bench/results/device.jsonl without OUT; logs in $LOGS, or beside them. A table comes last.
set -uo pipefail
cd "$(dirname "$0")/.."
results=${OUT:-bench/results}
logs=${LOGS:-$results}
mkdir -p "$results" "$logs"
export PYTHONPATH=$PWD PYTHONUNBUFFERED=1 TINYGAN_CPU=reference PYTHONWARNINGS=ignore
export TINYGAN_CACHE=${TINYGAN_CACHE:-$(mktemp -d)} TINYGAN_RESULTS=$results/device.jsonl
python=${PYTHON:-python3}

part() { # NAME SECONDS [COMMAND ...]: a part in its limit, with a command in front of Python
    local name=$1 limit=$2 start=$SECONDS
    shift 2
    timeout -k 5 "$limit" "$@" "$python" -m bench.device "$name" > "$logs/$name.log" 2>&1
    echo "$name: exit $?, $((SECONDS - start)) s"
    tail -n 3 "$logs/$name.log" | cut -c1-300
}
sanitizer() { # its own kinds of error, as its exit status 9
    TINYGAN_TOOL=$1 part small 100 compute-sanitizer --tool "$1" --error-exitcode 9
    mv "$logs/small.log" "$logs/$1.log"
}

counters() { # of a profiler, as text in profile.log
    local sections=(SpeedOfLight WarpStateStats SchedulerStats MemoryWorkloadAnalysis Occupancy)
    part profile 60 ncu --clock-control none -k regex:conv2d "${sections[@]/#/--section=}"
}

for name in ${@:-about backend ours tangents step tangents_torch parity norms layers memcheck racecheck ceilings profile compile}; do
    case $name in
    memcheck | racecheck) sanitizer "$name" ;;
    profile) counters ;;
    backend) part "$name" 200 ;; # CuPy compiles its kernels at their first use
    parity | layers | ours | tangents_torch) part "$name" 120 ;;
    *) part "$name" 75 ;;
    esac
done
"$python" -m bench.device table
