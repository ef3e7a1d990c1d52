# shellcheck shell=bash
# Keeps services of new packages from running: a policy that denies starting them while packages are installed, and
# what they enabled for the next boot disabled again. Undone on every exit; what a kill left is undone next time.

policy=/usr/sbin/policy-rc.d
policy_mark='# by vmbatch site/install-deps'
policy_aside=$policy.before-vmbatch

# From here to the end of the script.
keep_services_quiet() {
    # One at a time, or the second would take the first one's policy for the machine's. (A directory can be locked
    # without leaving a lock file.)
    exec {policy_lock}<"${policy%/*}"
    flock "$policy_lock"
    remove_policy
    enabled_before=$(enabled_units)
    trap 'let_services_be' EXIT
    if ! policy_denies; then
        if [[ -e $policy ]]; then mv "$policy" "$policy_aside"; fi
        printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy"
        chmod 0755 "$policy"
    fi
}

let_services_be() {
    disable_new_units
    remove_policy
}

policy_denies() {
    local status=0
    [[ -x $policy ]] || return 1
    "$policy" libvirtd start >/dev/null 2>&1 </dev/null || status=$?
    ((status == 101))
}

remove_policy() {
    if [[ -f $policy ]] && grep -qxF "$policy_mark" "$policy"; then rm "$policy"; fi
    if [[ -e $policy_aside && ! -e $policy ]]; then mv "$policy_aside" "$policy"; fi
}

enabled_units() {
    find /etc/systemd/system -type l -path '*.wants/*' -printf '%f\n' 2>/dev/null | sort -u
}

# By Debian's own tool, which is there without systemd too and remembers it through upgrades; the variable is how it
# knows a package's script.
disable_new_units() {
    local unit
    comm -13 <(printf '%s\n' "$enabled_before") <(enabled_units) | while read -r unit; do
        DPKG_MAINTSCRIPT_PACKAGE=vmbatch deb-systemd-helper disable "$unit" >/dev/null || true
    done
}
