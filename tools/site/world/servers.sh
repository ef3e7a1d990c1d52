# shellcheck shell=bash disable=SC2154 # arguments.sh and tree.sh set what is not set here
# Starting servers and waiting until they serve.

declare -A server_pid=()

die() {
    printf 'site/enter: %s\n' "$1" >&2
    exit 125
}

# start NAME COMMAND…: in the background, in a session of its own (so that Ctrl-C reaches the job, not its servers),
# its words in STATE_DIR/log/NAME.log. It inherits the lock on STATE_DIR: the directory is free when the last is gone.
start() {
    local name=$1
    shift
    setsid -- "$@" </dev/null >"$state_dir/log/$name.log" 2>&1 &
    server_pid[$name]=$!
}

# wait_for NAME WHAT CHECK…: until CHECK succeeds, as long as the server lives and its time is not up.
wait_for() {
    local name=$1 what=$2 deadline=$((SECONDS + 20))
    shift 2
    until "$@" 2>/dev/null; do
        kill -0 "${server_pid[$name]}" 2>/dev/null || server_failed "$name" "$name ended before $what"
        ((SECONDS < deadline)) || server_failed "$name" "$name: $what did not come in 20 s"
        sleep 0.02
    done
}

server_failed() {
    tail -n 15 "$state_dir/log/$1.log" | sed "s/^/  $1: /" >&2
    die "$2 (all of its log: $state_dir/log/$1.log)"
}

tcp_port_answers() { (exec 3<>"/dev/tcp/$1/$2"); }
udp_port_is_bound() { grep -qE "^ *[0-9]+: [0-9A-F]{8}:$(printf %04X "$1") " /proc/net/udp; }
