# shellcheck shell=bash disable=SC2154,SC2034  # variables of the script that sources this
# Sourced by boot-check: a HEPiX context disc for mini, and what must be seen inside afterwards.
label=CONTEXT

make_disc() {
    local disc=$work/disc
    cp "$work/key.pub" "$disc/root.pub"
    # The user data makes the host key and a user as useradd leaves one: no password, "!" in shadow.
    cat >"$work/user-data" <<USERDATA
#!/bin/sh
echo "user-data \$(id -u) \$(ip -4 route | grep -c ^default)" >>/root/steps
cat >/etc/ssh/ssh_host_ed25519_key <<KEY
$(cat "$work/host_key")
KEY
chmod 600 /etc/ssh/ssh_host_ed25519_key
groupadd -g 5001 alice && useradd -m -u 5001 -g 5001 -s /bin/bash alice
mkdir -m 700 /home/alice/.ssh
echo '$(cat "$work/key.pub")' >/home/alice/.ssh/authorized_keys
chown -R alice:alice /home/alice/.ssh
exit 0
USERDATA
    {
        echo 'ROOT_PUBKEY=root.pub'
        echo "EC2_USER_DATA=$(base64 -w0 "$work/user-data")"
        echo 'WORD="from context.sh"'
    } >"$disc/context.sh"
    # shellcheck disable=SC2016  # expanded in the guest
    echo 'echo "prolog $1 $WORD, $PWD, routes $(ip -4 route | grep -c ^default)" >>/root/steps' >"$disc/prolog.sh"
    # shellcheck disable=SC2016
    echo 'echo "epilog $1 $WORD" >>/root/steps' >"$disc/epilog.sh"
}

check_inside() {
    local steps expected
    steps=$(guest root@127.0.0.1 cat /root/steps)
    expected='prolog start from context.sh, /var/lib/hepix/context, routes 0
user-data 0 1
epilog start from context.sh'
    [ "$steps" = "$expected" ] || fail "steps were: $steps"
    [ "$(guest alice@127.0.0.1 id -un)" = alice ] || fail 'the new user cannot log in'
    [ "$(guest alice@127.0.0.1 "env -i 'odd.name=a b' /usr/bin/env")" = 'odd.name=a b' ] || fail 'env -i'
    # Everything a job or its context may call.
    guest root@127.0.0.1 bash -s <<'INSIDE' || fail 'a tool is missing in the guest'
for tool in bash sh su id hostname timeout dd head sha256sum env tar gzip zstd xz getent useradd groupadd usermod mount \
    umount mount.nfs4 blkid setpriv ip awk sed grep find setsid kill nohup stat mktemp base64 poweroff reboot flock; do
    command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
done
set -e
su alice -s /bin/sh -c id >/dev/null
setpriv --reuid alice --regid alice --clear-groups id >/dev/null
getent passwd alice >/dev/null
blkid -L mini >/dev/null
blkid -L CONTEXT >/dev/null
grep -qw nfs4 /proc/filesystems
mkdir /mnt/disc && mount -o ro /dev/sr0 /mnt/disc && test -e /mnt/disc/context.sh && umount /mnt/disc
tar -cf - /etc/hostname 2>/dev/null | zstd -q | zstd -dq | tar -tf - >/dev/null
INSIDE
    sed -n 's/\r//;/^mini: /p' "$work/console" >&2
}
