# shellcheck shell=bash disable=SC2154  # variables of the script that sources this
# Sourced by build: the host's own way to Debian's archive, handed on to mmdebstrap.

# Prints sources.list lines for the archive of suite $1: the entries of the host's apt configuration (classic or deb822)
# for main of the suite itself, its updates and its security updates. Other vendors' repositories are left out.
# shellcheck disable=SC2016  # apt's own fields
apt_sources() {
    local suite=$1 release component origin uri found=
    while IFS='|' read -r release component origin uri; do
        case $release in "$suite" | "$suite-updates" | "$suite-security") ;; *) continue ;; esac
        [ "$component" = main ] || continue
        # The origin is known only after apt-get update; unknown fields come back as their own name.
        case $origin in Debian* | '$('*) ;; *) continue ;; esac
        [ "$release" = "$suite" ] && found=yes
        printf 'deb %s %s %s\n' "$uri" "$release" "$component"
    done < <(apt-get indextargets --format '$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' \
        'Architecture: amd64' | sort -u)
    if [ -z "$found" ]; then
        echo "guests/build: apt on this host has no entry for Debian's '$suite main' (apt-get indextargets)" >&2
        return 1
    fi
}

# Prints the host's settings of how to fetch (proxies, retries, validity checks), not of what to fetch.
apt_options() {
    apt-config dump | grep -E '^Acquire::[A-Za-z0-9:._/-]+ "..*";$' |
        grep -vE '^Acquire::(IndexTargets|Changelogs|CompressionTypes|cdrom|GzipIndexes)' || true
}

# mmdebstrap with the host's sources. Its mounts (proc, sys, dev in the tree) are made in a mount namespace of its own, and
# setpriv and unshare make it die with its caller: nothing stays mounted or running whatever ends the build. It runs in the
# background so that a signal is acted on at once. $work and $SUITE are build's.
# shellcheck disable=SC2153
bootstrap() {
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
        mmdebstrap --mode=root --architectures=amd64 --aptopt="$work/apt.conf" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Dpkg::Use-Pty "false"' \
        "$@" "$SUITE" "$work/tree" "$work/sources.list" </dev/null >>"$work/log" 2>&1 &
    bootstrap_pid=$!
    wait "$bootstrap_pid"
    bootstrap_pid=
    rm -f "$work/tree/etc/apt/apt.conf.d/99mmdebstrap" # the host's proxies are no part of a guest
}

end_bootstrap() {
    [ -n "${bootstrap_pid-}" ] || return 0
    kill -KILL "$bootstrap_pid" 2>/dev/null || true
    wait "$bootstrap_pid" 2>/dev/null || true
}
