# shellcheck shell=bash
# A libvirtd of this world's own at its usual socket, so that plain qemu:///system is it.

start_libvirt() {
    local path
    # Empty ones: nothing of a libvirt that the machine itself may have is seen or started here.
    mkdir -p /etc/libvirt /var/lib/libvirt /run/libvirt
    for path in /etc/libvirt /var/lib/libvirt; do
        mount -t tmpfs -o mode=0755,nosuid,nodev vmbatch-site "$path"
    done
    bind_directory log/libvirt /var/log/libvirt 0755
    bind_directory libvirt-cache /var/cache/libvirt 0711 # what QEMU can do, asked once
    # Root's socket needs no polkit here.
    printf 'auth_unix_rw = "none"\n' >/etc/libvirt/libvirtd.conf
    # No virtlogd beside it, and nothing of the machine: no control groups, no AppArmor profiles. No notes on files
    # about their owner before: a world that is killed gives nothing back, and the next one would trip over them.
    cat >/etc/libvirt/qemu.conf <<'EOF'
stdio_handler = "file"
cgroup_controllers = []
security_driver = "none"
remember_owner = 0
EOF
    let_qemu_open_kvm
    start libvirtd /usr/sbin/libvirtd
}

# Without udev /dev/kvm is root's alone. libvirt asks QEMU as root and finds KVM, looks as QEMU's user and finds none, and
# so asks again at every step, 11 s for each guest. (Whether KVM can run a guest is another question.)
let_qemu_open_kvm() {
    local node=/var/opt/.private/dev/kvm
    [[ -c /dev/kvm ]] || return 0
    setpriv --reuid libvirt-qemu --regid "$(id -g libvirt-qemu)" --init-groups -- test -r /dev/kvm -a -w /dev/kvm && return 0
    mkdir "${node%/*}"
    mount -t tmpfs -o mode=0755,nosuid,noexec vmbatch-site "${node%/*}"
    mknod -m 0600 "$node" c 10 232
    chown libvirt-qemu "$node"
    mount --bind "$node" /dev/kvm
}

libvirt_ready() { wait_for libvirtd 'qemu:///system' libvirt_answers; }

libvirt_answers() { [[ -S /run/libvirt/libvirt-sock ]] && timeout 10 virsh -q -c qemu:///system uri >/dev/null; }
