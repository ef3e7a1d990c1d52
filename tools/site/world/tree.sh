# shellcheck shell=bash disable=SC2154 # arguments.sh and init set what is not set here
# The world's file system: the machine's, except that what servers write in system directories stays in memory and
# that /var/opt/vmbatch exists. /var/opt is on every Debian and empty on nearly all; QEMU's user can pass it, which it
# could not a state directory below /root.

site_root=/var/opt/vmbatch

make_tree() {
    local -A held=()
    local path fd
    # A directory that the mounts below would hide is held open now and put back on its path at the end.
    for path in "$state_dir" "$PWD" "$checkout" "${kept[@]}"; do
        exec {fd}<"$path"
        held[$path]=$fd
    done

    mount -t tmpfs -o mode=0755,nosuid,nodev vmbatch-site /var/opt
    mkdir -m 0711 "$site_root"
    mkdir -m 0700 /var/opt/.private
    for path in /etc /var/lib /var/cache /var/log; do overlay_directory "$path"; done
    mount -t tmpfs -o mode=0755,nosuid,nodev vmbatch-site /run
    mkdir /run/lock
    hide_host_control_groups

    for path in "${!held[@]}"; do put_back "${held[$path]}" "$path"; done
    cd "$PWD" || die "$PWD has gone" # what this name means now

    for path in cache state; do bind_directory "$path" "$site_root/$path" 0711; done
    # The share is made anew each time: what a killed job left there is nobody's. nosuid, nodev, noexec because guests
    # write it.
    mkdir -m 0711 "$site_root/share"
    mount -t tmpfs -o mode=0711,nosuid,nodev,noexec vmbatch-share "$site_root/share"
}

# Everything there is seen, everything written stays in this world. So a mount point or an account can be added where
# the machine has none.
overlay_directory() {
    local layers=/var/opt/.private$1
    mkdir -p "$layers/upper" "$layers/work"
    chmod --reference="$1" "$layers/upper"
    mount -t overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" vmbatch-site "$1"
}

# A sysfs of this network namespace (libvirt looks for bridges there), and without control groups: a guest's group
# would outlive a world that is killed.
hide_host_control_groups() {
    umount --recursive --lazy /sys
    mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
}

put_back() {
    local fd=$1 path=$2
    if ! [[ $path -ef /proc/self/fd/$fd ]]; then
        mkdir -p "$path"
        mount --no-canonicalize --rbind "/proc/self/fd/$fd" "$path"
    fi
    exec {fd}<&-
}

# bind_directory NAME PATH MODE: PATH shows STATE_DIR/NAME.
bind_directory() {
    mkdir -p "$state_dir/$1" "$2"
    chmod "$3" "$state_dir/$1"
    mount --bind "$state_dir/$1" "$2"
}
