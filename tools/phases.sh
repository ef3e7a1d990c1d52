# shellcheck shell=bash disable=SC2154 # the caller sets own, its folder
# quickstart's phases: shown as they go, quiet unless they fail, taken down when we are interrupted.

tool=${0##*/}
child='' child_signal='' interrupted=''

# fail STATUS MESSAGE
fail() {
    printf '%s: %s\n' "$tool" "$2" >&2
    exit "$1"
}

announce() { printf '%4d s  %s\n' "$SECONDS" "$1" >&2; }

# phase NAME COMMAND…: output into log/NAME; on failure its end is shown. COMMAND may be a function. It gets a process
# group of its own, which we end as a whole when we are interrupted.
phase() {
    local name=$1 log=$own/log/$1 status=0
    shift
    announce "$name"
    child=starting child_signal=:
    set -m
    (
        trap - INT TERM HUP
        "$@"
    ) </dev/null >"$log" 2>&1 &
    child=$! child_signal=end_group
    set +m
    follow_child "$name" "$log" || status=$?
    ((status == 0)) && return
    tail -n 20 "$log" | sed 's/^/        /' >&2
    fail 123 "$name failed (status $status); all of its log: $log"
}

# in_foreground COMMAND…: our terminal, streams and environment are COMMAND's. Ctrl-C reaches it as it reaches us.
in_foreground() {
    local status=0
    child=starting child_signal=:
    env --default-signal=INT,QUIT -- "$@" <&0 &
    child=$! child_signal=end_one
    follow_child '' '' || status=$?
    return "$status"
}

# Until the child has ended; returns its status. On a terminal the phase's last words are shown meanwhile.
follow_child() {
    local name=$1 log=$2 status=0 last='' log_fd='' never=''
    if [[ -n $log && -t 2 ]]; then
        exec {log_fd}<"$log"
        exec {never}<> <(:) # nothing ever comes from it
    fi
    [[ -z $interrupted ]] || interrupt # came while the child was being started
    while kill -0 "$child" 2>/dev/null; do
        if [[ -n $log_fd ]]; then
            show_progress "$name"
            read -r -t 0.2 -u "$never" || true
        else
            wait "$child" 2>/dev/null || true # ends early when a signal comes
        fi
    done
    wait "$child" 2>/dev/null || status=$?
    if [[ -n $interrupted && $child_signal == end_group ]]; then outlive_group; fi
    child=''
    if [[ -n $log_fd ]]; then
        exec {log_fd}<&- {never}<&-
        printf '\r\e[K' >&2
    fi
    if [[ -n $interrupted ]]; then
        [[ -z $log ]] || printf '%s: interrupted\n' "$tool" >&2
        exit "$interrupted"
    fi
    return "$status"
}

# The leader may end before the others have cleaned up: ninja has yet to end its compilers, which it leads itself.
outlive_group() {
    local deadline=$((SECONDS + 20))
    while kill -s 0 -- "-$child" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1 || true; done
    kill -s KILL -- "-$child" 2>/dev/null || true
}

# By builtins only: bash forgets an INT that comes just when a child it waits for ends by itself. follow_child's variables.
show_progress() {
    local line
    while IFS= read -r -u "$log_fd" line; do last=$line; done
    printf -v line '%4d s  %s  %s' "$SECONDS" "$1" "${last//[^[:print:]]/}"
    printf '\r\e[K%s' "${line:0:$((${COLUMNS:-80} - 1))}" >&2
}

# A function of the child's kind sends it the end; it cleans up by itself, and we wait for it.
end_group() { kill -s INT -- "-$child" 2>/dev/null || true; }
end_one() { kill -s TERM "$child" 2>/dev/null || true; }

interrupt() {
    [[ -n $child ]] || exit "${interrupted:-130}"
    "$child_signal"
}

trap 'interrupted=130; interrupt' INT
trap 'interrupted=143; interrupt' TERM HUP
