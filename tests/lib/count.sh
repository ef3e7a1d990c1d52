# shellcheck shell=bash
# Counting results: three numbers per group, in a file that tests/run adds up.

passed=0 failed=0 skipped=0

pass() { passed=$((passed + ${1:-1})); }

# fail_because REASON
fail_because() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
}

# skip REASON: what is missing here.
skip() {
    skipped=$((skipped + 1))
    printf 'SKIPPED: %s\n' "$1"
}

# count_junit FILE STATUS: a pytest run's results and its exit status.
count_junit() {
    local suite total errors failures skips
    suite=$(grep -o '<testsuite [^>]*>' "$1" 2>/dev/null) || { fail_because "pytest gave no results (status $2)"; return 0; }
    total=$(attribute tests "$suite") errors=$(attribute errors "$suite")
    failures=$(attribute failures "$suite") skips=$(attribute skipped "$suite")
    passed=$((passed + total - errors - failures - skips))
    failed=$((failed + errors + failures))
    skipped=$((skipped + skips))
    if ((total == 0)); then skip 'there are no tests here'; return; fi
    if (($2 != 0 && errors + failures == 0)); then fail_because "pytest ended with status $2"; fi
}

# attribute NAME ELEMENT: a number.
attribute() { [[ $2 =~ \ $1=\"([0-9]+)\" ]] && printf '%s' "${BASH_REMATCH[1]}"; }

# count_catch OUTPUT STATUS: a Catch2 run's closing lines (a child of a test's that a signal ends writes some, too) and
# its exit status.
count_catch() {
    local number
    if number=$(grep -oP '^All tests passed \(.* in \K[0-9]+(?= test case)' "$1") && (($2 == 0)); then
        passed=$((passed + number))
    elif grep -q '^test cases:' "$1"; then
        number=$(grep -oP '^test cases:.*\b\K[0-9]+(?= passed)' "$1" | tail -n 1) && passed=$((passed + number))
        number=$(grep -oP '^test cases:.*\b\K[0-9]+(?= failed)' "$1" | tail -n 1) || true
        failed=$((failed + ${number:-1}))
    else
        fail_because "the tests did not end by themselves (status $2)"
    fi
}
