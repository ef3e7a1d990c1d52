# shellcheck shell=bash disable=SC2154,SC2034  # variables of the script that sources this
# Sourced by boot-check: a NoCloud disc for debian, and what must be seen inside afterwards.
label=cidata

make_disc() {
    local disc=$work/disc
    printf 'instance-id: boot-check-%s\nlocal-hostname: checked\n' "$$" >"$disc/meta-data"
    {
        echo '#cloud-config'
        echo 'disable_root: false'
        echo "ssh_authorized_keys: [\"$(cat "$work/key.pub")\"]"
        echo 'users:'
        echo "  - {name: root, ssh_authorized_keys: [\"$(cat "$work/key.pub")\"]}"
        echo 'ssh_keys:'
        echo '  ed25519_private: |'
        sed 's/^/    /' "$work/host_key"
        echo "  ed25519_public: $(cat "$work/host_key.pub")"
    } >"$disc/user-data"
}

check_inside() {
    [ "$(guest root@127.0.0.1 hostname)" = checked ] || fail 'cloud-init did not set the host name'
    guest root@127.0.0.1 bash -s <<'INSIDE' || fail 'a tool is missing in the guest'
for tool in cloud-init mount.nfs4 useradd setpriv blkid ip python3 sudo; do
    command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
done
grep -q 'console=ttyS0' /proc/cmdline
INSIDE
    guest root@127.0.0.1 'timeout 50 cloud-init status --wait --long; systemd-analyze' >&2 || true
}
