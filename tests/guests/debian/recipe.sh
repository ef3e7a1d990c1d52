# shellcheck shell=bash disable=SC2154  # variables of the script that sources this
# Sourced by build: the guest "debian", a stock Debian cloud guest. Nothing of ours is inside: no user, key or script.

here_debian=$here/debian

install_packages() {
    # grub-pc must not look for a disk to install itself on.
    # shellcheck disable=SC2016  # "$1" is mmdebstrap's: the tree
    bootstrap --variant=minbase \
        --include="$(sed -e 's/#.*//' "$here_debian/packages" | xargs | tr ' ' ,)" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --essential-hook='echo "grub-pc grub-pc/install_devices_empty boolean true" | chroot "$1" debconf-set-selections'
}

# What an installer or a cloud image's maker writes.
configure() {
    local tree=$1 uuid=$2
    rm -f "$tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
    echo debian >"$tree/etc/hostname"
    printf '127.0.0.1\tlocalhost\n127.0.1.1\tdebian\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$tree/etc/hosts"
    printf 'UUID=%s / ext4 rw,discard,errors=remount-ro 0 1\n' "$uuid" >"$tree/etc/fstab"
    : >"$tree/etc/machine-id" # systemd makes one at the first boot
    rm -f "$tree/var/lib/dbus/machine-id" "$tree"/etc/ssh/ssh_host_* "$tree/etc/resolv.conf"
    sed -i 's,^root:[^:]*:,root:!:,' "$tree/etc/shadow" "$tree/etc/shadow-" 2>/dev/null || true
    rm -rf "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/* "$tree"/var/cache/debconf/*-old "$tree"/var/log/*.log
}

# update-grub cannot run here (it would ask where this machine's root is), so its result is written by hand, as short as it
# can be; the guest's own update-grub makes the usual one from /etc/default/grub.
boot_loader() {
    local tree=$1 uuid=$2
    local options="console=tty0 console=ttyS0,115200"
    sed -i -e 's/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=0/' \
        -e "s/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX=\"$options\"/" \
        -e 's/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT=""/' "$tree/etc/default/grub"
    printf 'GRUB_TERMINAL="console serial"\nGRUB_SERIAL_COMMAND="serial --speed=115200"\n' >>"$tree/etc/default/grub"
    mkdir -p "$tree/boot/grub/i386-pc"
    cp "$tree"/usr/lib/grub/i386-pc/*.mod "$tree"/usr/lib/grub/i386-pc/*.lst "$tree/boot/grub/i386-pc/"
    cat >"$tree/boot/grub/grub.cfg" <<GRUB
serial --speed=115200
terminal_input console serial
terminal_output console serial
set timeout=0
menuentry 'Debian GNU/Linux' {
	linux /vmlinuz root=UUID=$uuid ro $options
	initrd /initrd.img
}
GRUB
    make_core "$here_debian/core.cfg" biosdisk part_gpt ext2 normal configfile linux serial terminal echo test search
}

build_guest() {
    local tree=$work/tree uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    say "installing packages (some minutes)"
    install_packages
    say "making the disk"
    configure "$tree" "$uuid"
    boot_loader "$tree" "$uuid"
    make_disk 3072 "$uuid" root
}
