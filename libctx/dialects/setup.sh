# shellcheck shell=sh disable=SC2015,SC2034 # "a && b || fail": fail ends the script
# The set-up of a guest: the functions. The steps, rendered from the context, follow below them.
# Runs as root under any POSIX shell (dash, bash, busybox), started by the bootstrap: setup DISC STATE early|all.
# DISC is where the context disc is mounted, STATE a folder of root's on a tmpfs.
#
# Every step says on the console what it does, so that the host sees how far the guest came. The first step that fails
# ends the set-up: the reason goes to the console and, once the share is mounted, into the report.
set -u
disc=$1/vmbatch
state=$2
part=$3
report_path='' report_port='' stages='' address=''
sshd_lines=

say() {
    { printf 'vmbatch: %s\n' "$*" >/dev/console; } 2>/dev/null || printf 'vmbatch: %s\n' "$*"
}

one_line() { tr '\n\t' '  ' | tr -cd '\40-\176' | cut -c1-400; }

fail() {
    reason=$(printf '%s' "$*" | one_line)
    say "failed: $reason"
    report failed
    exit 1
}

# try WHAT COMMAND: a command that must succeed. Its own last words are the reason.
try() {
    what=$1
    shift
    "$@" >"$state/said" 2>&1 </dev/null || fail "$what: $(tail -n 1 "$state/said")"
}

# The report: written as its reader's user, for root may be squashed on the share. The numbers serve while the account
# is not there yet; su knows accounts only.
report_to() { # PATH NONCE USER UID GID
    report_path=$1 report_nonce=$2 report_user=$3 report_uid=$4 report_gid=$5
}

# Without a share: a port of virtio-serial that the host reads. udev's names for ports are not in every guest.
report_by_channel() { # NAME NONCE
    report_nonce=$2
    modprobe virtio_console >/dev/null 2>&1
    tries=0
    until find_port "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || fail "this guest has no virtio-serial port $1"
        sleep 1
    done
}

find_port() { # NAME
    for port in /sys/class/virtio-ports/*; do
        [ "$(cat "$port/name" 2>/dev/null)" = "$1" ] && [ -c "/dev/${port##*/}" ] || continue
        report_port=/dev/${port##*/}
        return 0
    done
    return 1
}

as_reporter() {
    if [ "$report_user" = root ]; then
        "$@"
    elif setpriv --reuid 0 true 2>/dev/null; then
        setpriv --reuid "$report_uid" --regid "$report_gid" --clear-groups "$@"
    else
        su -s /bin/sh "$report_user" -c 'exec "$@"' sh "$@"
    fi
}

# What begins now. All of them are named each time, as the host looks only now and then.
stage() { # NAME
    stages=${stages:+$stages,}$1
    report "$1"
}

report() { # STAGE, or ready, or failed
    [ -n "$report_path$report_port" ] || return 0
    # It may not have had one before, and asking takes a while.
    [ -n "$address" ] && [ "$1" != ready ] || address=$(own_address)
    {
        echo "nonce=$report_nonce"
        echo "boot_id=$(cat /proc/sys/kernel/random/boot_id)"
        echo "address=$address"
        echo "hostname=$(cat /proc/sys/kernel/hostname)"
        echo "stages=$stages"
        [ "$1" != failed ] || echo "reason=$reason"
        echo "stage=$1"
        echo
    } >"$state/report"
    write_report >"$state/said" 2>&1 && return 0
    # Where only su can write it, that is not until there are accounts: the host may miss a stage, not an end.
    case $1 in
        ready | failed) say "failed: the report cannot be written to $report_path$report_port: $(one_line <"$state/said")" ;;
    esac
}

write_report() {
    if [ -n "$report_port" ]; then
        cat "$state/report" >"$report_port"
    else
        # shellcheck disable=SC2016 # expanded by the inner shell
        as_reporter sh -c 'cat >"$1.tmp" && mv -f "$1.tmp" "$1"' sh "$report_path" <"$state/report"
    fi
}

# The first global IPv4 address of the interface with the default route, else of any.
own_address() {
    card=$(ip -4 route show 2>/dev/null | sed -n 's/^default .*dev \([^ ]*\).*/\1/p' | head -n 1)
    # shellcheck disable=SC2086 # nothing, or two words
    ip -4 -o addr show scope global ${card:+dev "$card"} 2>/dev/null |
        sed -n 's,.* inet \([0-9.]*\).*,\1,p' | head -n 1
}

set_hostname() { # NAME
    say "hostname $1"
    echo "$1" >/etc/hostname
    echo "$1" >/proc/sys/kernel/hostname || fail "the host name cannot be set to $1"
    [ ! -e /etc/sysconfig/network ] || sed -i "s/^HOSTNAME=.*/HOSTNAME=$1/" /etc/sysconfig/network
    touch /etc/hosts
    sed -i '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts
    echo "127.0.1.1 $1 ${1%%.*}" >>/etc/hosts
}

# Ours alone: the host knows it before its first connection, and keys of the image are known to everybody who has it.
install_host_key() { # TYPE
    say "host key"
    mkdir -p /etc/ssh
    rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
    (umask 077 && cat "$disc/host_key" >"/etc/ssh/ssh_host_$1_key") || fail "the host key cannot be installed"
    cat "$disc/host_key.pub" >"/etc/ssh/ssh_host_$1_key.pub"
    sshd_line "HostKey /etc/ssh/ssh_host_$1_key"
}

# A stock image has none; cloud-init's module would make three, which takes seconds under emulation.
ensure_host_key() {
    for key in /etc/ssh/ssh_host_*_key; do
        [ ! -e "$key" ] || return 0
    done
    command -v ssh-keygen >/dev/null || return 0
    say "host key"
    try "making a host key" ssh-keygen -q -t ed25519 -N '' -C "" -f /etc/ssh/ssh_host_ed25519_key
}

sshd_line() {
    sshd_lines="$sshd_lines$1
"
}

# No clock that is set while the guest boots.
seconds_up() {
    read -r up _ </proc/uptime
    echo "${up%%.*}"
}

is_mounted() { # TARGET
    while read -r _ target _; do
        [ "$target" != "$1" ] || return 0
    done </proc/mounts
    return 1
}

# The network may still be coming up, a server be slow or be started again: tried for half a minute.
mount_there() { # SOURCE TARGET TYPE OPTIONS
    say "mount $1 on $2"
    ! is_mounted "$2" || return 0
    options=${4:-defaults}
    case $3 in
        # mount.nfs would try for two minutes by itself.
        nfs | nfs4) case ,$options, in *,retry=*) ;; *) options=$options,retry=0 ;; esac ;;
    esac
    mkdir -p "$2" || fail "the mount point $2 cannot be made"
    begun=$(seconds_up)
    until mount -t "$3" -o "$options" "$1" "$2" >"$state/said" 2>&1 </dev/null && is_mounted "$2"; do
        [ $(($(seconds_up) - begun)) -lt 30 ] || fail "$1 cannot be mounted on $2: $(tail -n 1 "$state/said")"
        sleep 1
    done
}

add_group() { # NAME GID
    entry=$(getent group "$1")
    if [ -n "$entry" ]; then
        entry=$(echo "$entry" | cut -d: -f3)
        [ "$entry" = "$2" ] || fail "group $1 has gid $entry in this image, and $2 is asked for"
        return 0
    fi
    entry=$(getent group "$2" | cut -d: -f1)
    if [ -n "$entry" ]; then
        say "gid $2 ($1) is called $entry in this image"
        return 0
    fi
    say "group $1"
    try "group $1 cannot be made" groupadd -g "$2" "$1"
}

add_user() { # NAME UID GID HOME SHELL GROUPS
    entry=$(getent passwd "$1")
    if [ -n "$entry" ]; then
        entry=$(echo "$entry" | cut -d: -f3)
        [ "$entry" = "$2" ] || fail "user $1 has uid $entry in this image, and $2 is asked for"
        say "user $1 is in this image"
        [ -z "$6" ] || try "the groups of $1 cannot be set" usermod -a -G "$6" "$1"
        return 0
    fi
    entry=$(getent passwd "$2" | cut -d: -f1)
    [ -z "$entry" ] || fail "uid $2, asked for $1, belongs to $entry in this image"
    say "user $1"
    shell=$5
    if [ ! -x "$shell" ]; then
        say "$shell is not in this image: $1 gets /bin/sh"
        shell=/bin/sh
    fi
    skeleton=-M
    if [ ! -d "$4" ]; then
        mkdir -p "${4%/*}/" || fail "the home $4 cannot be made"
        skeleton=-m
    fi
    # "*" is no password and, unlike "!", no lock. -l: a lastlog indexed by a big uid would be a big file.
    try "user $1 cannot be made" \
        useradd -l "$skeleton" -u "$2" -g "$3" -d "$4" -s "$shell" -p '*' ${6:+-G "$6"} "$1"
}

# On a mount, for an account that the image got before it booted.
make_home() { # USER UID GID HOME
    [ ! -d "$4" ] || return 0
    say "home of $1"
    mkdir -p "${4%/*}/" && mkdir -m 0700 "$4" || fail "the home $4 cannot be made"
    [ ! -d /etc/skel ] || try "the home $4 cannot be filled" cp -R /etc/skel/. "$4/"
    try "the home $4 cannot be given to $1" chown -hR "$2:$3" "$4"
}

# Keys lie outside the homes, which may be shared with the host and with other jobs.
install_keys() { # USER
    say "keys of $1"
    mkdir -p /etc/ssh/vmbatch-keys
    cat "$disc/keys/$1" >"/etc/ssh/vmbatch-keys/$1" || fail "the keys of $1 cannot be installed"
}

# What sshd reads first wins, so our lines go before all others, includes included. OpenSSH before 5.9 knows one
# file of keys (and another option for a second), before 7.0 another word for "keys only".
configure_sshd() { # ROOT: "keys" if root may log in with one
    version=$(ssh -V 2>&1)
    case $version in
        OpenSSH_[1-4].* | OpenSSH_5.[0-8]*)
            sshd_line 'AuthorizedKeysFile /etc/ssh/vmbatch-keys/%u'
            sshd_line 'AuthorizedKeysFile2 .ssh/authorized_keys'
            ;;
        *) sshd_line 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/vmbatch-keys/%u' ;;
    esac
    # Says to bash that it is no login: it would read ~/.bashrc, whose words would be the job's.
    sshd_line 'AcceptEnv SHLVL'
    case $version,$1 in
        OpenSSH_[1-6].*,keys) sshd_line 'PermitRootLogin without-password' ;;
        *,keys) sshd_line 'PermitRootLogin prohibit-password' ;;
    esac
    [ -e /etc/ssh/sshd_config ] || return 0
    { printf '%s' "$sshd_lines" && cat /etc/ssh/sshd_config; } >"$state/sshd_config" &&
        cat "$state/sshd_config" >/etc/ssh/sshd_config || fail "sshd cannot be configured"
}

make_directory() { # PATH MODE USER GROUP
    say "directory $1"
    [ ! -d "$1" ] || return 0
    mkdir -p "${1%/*}/" && mkdir "$1" || fail "the directory $1 cannot be made"
    try "the directory $1 cannot be given to $3:$4" chown -h "$3:$4" "$1"
    chmod "$2" "$1"
}

install_file() { # NUMBER PATH MODE USER GROUP
    say "file $2"
    [ ! -d "$2" ] || fail "there is a directory at $2, where a file is to be"
    mkdir -p "${2%/*}/" || fail "the folder of $2 cannot be made"
    (umask 077 && cat "$disc/files/$1" >"$2.vmbatch") || fail "$2 cannot be written"
    try "$2 cannot be given to $4:$5" chown -h "$4:$5" "$2.vmbatch"
    chmod "$3" "$2.vmbatch" && mv -f "$2.vmbatch" "$2" || fail "$2 cannot be written"
}

unpack_archive() { # NUMBER TO [USER GROUP]
    say "archive to $2"
    if [ $# -eq 2 ]; then
        mkdir -p "$2" || fail "the directory $2 cannot be made"
        try "the archive for $2 cannot be unpacked" tar -xpf "$disc/archives/$1" -C "$2"
        return 0
    fi
    # Given away in a folder of its own, so that what lay in the target before keeps its owner.
    rm -rf "$2.vmbatch"
    mkdir -p "$2.vmbatch" || fail "the directory $2 cannot be made"
    try "the archive for $2 cannot be unpacked" tar -xpf "$disc/archives/$1" -C "$2.vmbatch"
    try "the archive for $2 cannot be given to $3:$4" chown -hR "$3:$4" "$2.vmbatch"
    if [ -d "$2" ]; then
        for member in "$2.vmbatch"/* "$2.vmbatch"/.[!.]* "$2.vmbatch"/..?*; do
            [ -e "$member" ] || [ -L "$member" ] || continue
            try "the archive for $2 cannot be unpacked" cp -a "$member" "$2/"
        done
        rm -rf "$2.vmbatch"
    else
        mv "$2.vmbatch" "$2" || fail "the directory $2 cannot be made"
    fi
}

install_environment() {
    say "environment"
    mkdir -p /etc/profile.d
    cat "$disc/environment" >/etc/profile.d/vmbatch.sh || fail "the environment cannot be installed"
}

# --no-block, --no-reload: this runs while the guest boots, and waiting for its other units would be waiting for us.
enable_service() { # NAME
    say "service $1 on"
    if [ -d /run/systemd/system ]; then
        try "service $1 cannot be enabled" systemctl --no-reload enable "$1"
        try "service $1 cannot be started" systemctl --no-block start "$1"
    elif command -v chkconfig >/dev/null; then
        try "service $1 cannot be enabled" chkconfig "$1" on
        try "service $1 cannot be started" service "$1" start
    elif command -v update-rc.d >/dev/null; then
        try "service $1 cannot be enabled" update-rc.d "$1" enable
        try "service $1 cannot be started" invoke-rc.d "$1" start
    else
        say "warning: this guest has no services, $1 is not enabled"
    fi
}

# One that is not in the image is off already.
disable_service() { # NAME
    say "service $1 off"
    if [ -d /run/systemd/system ]; then
        systemctl --no-reload disable "$1"
        systemctl --no-block stop "$1"
    elif command -v chkconfig >/dev/null; then
        chkconfig "$1" off
        service "$1" stop
    elif command -v update-rc.d >/dev/null; then
        update-rc.d "$1" disable
        invoke-rc.d "$1" stop
    fi >/dev/null 2>&1 </dev/null
    return 0
}

run_command() { # WHEN NUMBER TEXT
    say "$1 command $2"
    sh -c "$3" </dev/null
    status=$?
    [ "$status" = 0 ] || fail "$1 command $2 returned $status"
}

# Early commands run once: before the network in guests that have a way (HEPiX' prolog), else with all the rest.
begin_early() {
    early=no
    ! mkdir "$state/early" 2>/dev/null || early=yes
}

early_command() { # NUMBER TEXT
    [ "$early" = no ] || run_command early "$1" "$2"
}

end_early() {
    [ "$early" = no ] || : >"$state/early/done"
    [ "$part" = all ] || exit 0
}

# Those of the prolog had nowhere to report to.
require_early() {
    [ -e "$state/early/done" ] || fail "an early command failed, see the console"
}

# An sshd that is up already reads its configuration again; as a rule it starts after us.
reload_sshd() {
    for file in /run/sshd.pid /var/run/sshd.pid; do
        [ -s "$file" ] || continue
        say "sshd reads its configuration again"
        kill -HUP "$(cat "$file")" 2>/dev/null
        return 0
    done
}

finish() {
    rm -f /run/nologin # "System is booting up": it need not be finished for a job to log in
    reload_sshd
    report ready
    say "ready"
}

