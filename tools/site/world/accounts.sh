# shellcheck shell=bash disable=SC2154 # arguments.sh and tree.sh set what is not set here
# Accounts that exist in this world only: the users of tests, and QEMU's own where Debian's libvirt-daemon-system,
# which would make it, is not installed. /etc is an overlay here (tree.sh).

make_accounts() {
    local account
    mkdir -m 0711 "$site_root/home"
    getent passwd libvirt-qemu >/dev/null || add_account libvirt-qemu 64055 64055 /var/lib/libvirt /usr/sbin/nologin
    getent group kvm >/dev/null && join_group libvirt-qemu kvm
    for account in "${accounts[@]}"; do
        local name uid gid groups group
        IFS=: read -r name uid gid groups <<<"$account"
        add_account "$name" "$uid" "$gid" "$site_root/home/$name" /bin/bash
        for group in ${groups//,/ }; do
            getent group "${group%=*}" >/dev/null || add_group "${group%=*}" "${group#*=}"
            join_group "$name" "${group%=*}"
        done
        install -d -m 0700 -o "$uid" -g "$gid" "$site_root/home/$name"
    done
}

add_account() {
    local name=$1 uid=$2 gid=$3 home=$4 shell=$5
    if getent passwd "$name" >/dev/null || getent passwd "$uid" >/dev/null; then
        die "account $name ($uid) exists on this machine already: choose another name and number"
    fi
    getent group "$gid" >/dev/null || add_group "$name" "$gid"
    printf '%s:x:%s:%s::%s:%s\n' "$name" "$uid" "$gid" "$home" "$shell" >>/etc/passwd
    printf '%s:*:19000::::::\n' "$name" >>/etc/shadow
}

add_group() { printf '%s:x:%s:\n' "$1" "$2" >>/etc/group; }

# join_group USER GROUP: a no-op for a member.
join_group() {
    local members
    members=$(getent group "$2" | cut -d: -f4)
    [[ ,$members, == *,$1,* ]] || sed -i "s/^\($2:[^:]*:[^:]*:\)\(.*\)$/\1${members:+$members,}$1/" /etc/group
}
