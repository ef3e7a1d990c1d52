# shellcheck shell=bash disable=SC2154 # tests/lib/run-group sets checkout, results, name
# The kinds of tests that groups are made of.

# catch2 PROGRAM
catch2() {
    local status=0
    "$1" 2>&1 | tee "$results/$name.out" || status=${PIPESTATUS[0]}
    count_catch "$results/$name.out" "$status"
}

# pytests DIRECTORY [PREFIX…]: the tests below it, run by Debian's python (another may come first in PATH) after the
# words of PREFIX. With guests, daemons and other groups around it a test may meet a time-out that is not its own: what
# fails is run once more, and pytest names it (RERUN, and in its closing line) although it passes then.
pytests() {
    local status=0 directory=$1
    shift
    [[ -n $(find "$directory" -name 'test_*.py' 2>/dev/null) ]] || { skip "there are no tests in $directory"; return; }
    rm -f "$results/$name.xml"
    PYTHONDONTWRITEBYTECODE=1 "$@" /usr/bin/python3 -m pytest -p no:cacheprovider -q -rsR --reruns 1 --reruns-delay 2 \
        --tb=short --color=no --junitxml="$results/$name.xml" "$directory" || status=$?
    count_junit "$results/$name.xml" "$status"
}

# each_file WHAT COMMAND… < LIST: COMMAND with every file named on standard input; one result per file, two at a time.
each_file() {
    local what=$1 files bad
    shift
    mapfile -t files
    mkdir -p "$results/$name"
    rm -f "$results/$name"/*
    : >"$results/$name/bad"
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\0' "${files[@]}" | xargs -0 -r -n 1 -P 2 bash -c '
        file=${!#} log=$0/$(tr / _ <<<"${!#}")
        "$@" >"$log" 2>&1 </dev/null && exit
        flock "$0" head -n 20 "$log"; printf "%s\n" "$file" >>"$0/bad"' "$results/$name" "$@" || true
    bad=$(wc -l <"$results/$name/bad")
    pass $((${#files[@]} - bad))
    failed=$((failed + bad))
    printf '%s: %d of %d files\n' "$what" $((${#files[@]} - bad)) "${#files[@]}"
}

# A word for what must be there, and how to look: require 'root' test "$EUID" = 0 || return
require() {
    local what=$1
    shift
    "$@" >/dev/null 2>&1 || { skip "$what"; return 1; }
}
