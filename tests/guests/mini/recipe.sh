# shellcheck shell=bash disable=SC2154  # variables of the script that sources this
# Sourced by build: the guest "mini". Packages are only unpacked (no maintainer script runs), cut down, and given a small /etc.

here_mini=$here/mini

listed() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

unpack_packages() {
    bootstrap --variant=extract --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --include="$(listed "$here_mini/packages" | paste -sd,)"
}

# Only the listed modules and what they need, found in depmod's own table.
keep_modules() {
    local tree=$1 base kernel module
    base=$(echo "$tree"/lib/modules/*)
    kernel=${base##*/}
    chroot "$tree" depmod "$kernel"
    for module in $(listed "$here_mini/modules" | sed 's/^early //'); do
        chroot "$tree" modprobe -S "$kernel" --show-depends "$module" 2>>"$work/log" |
            sed -n '/^insmod /{s/^insmod //;s/ *$//;p}'
    done | sort -u >"$work/modules.keep"
    find "$base/kernel" -name '*.ko' -printf "/lib/modules/$kernel/kernel/%P\n" | sort |
        comm -23 - "$work/modules.keep" | (cd "$tree" && sed 's,^/,,' | xargs rm -f)
    find "$base/kernel" -type d -empty -delete
    chroot "$tree" depmod "$kernel"
}

# busybox, the early modules in load order, and the init script. Not compressed: unpacking costs more than reading.
make_initramfs() {
    local tree=$1 top=$work/initramfs kernel module path
    kernel=$(basename "$tree"/lib/modules/*)
    mkdir -p "$top"/{bin,lib,proc,sys,dev,new}
    cp "$tree/bin/busybox" "$top/bin/"
    install -m 755 "$here_mini/initramfs-init" "$top/init"
    sed -n 's/^early //p' "$here_mini/modules" | while read -r module; do
        for path in $(chroot "$tree" modprobe -S "$kernel" --show-depends "$module" | sed -n 's/^insmod //p'); do
            cp "$tree/$path" "$top/lib/"
            basename "$path"
        done
    done | awk '!seen[$0]++' >"$top/modules"
    (cd "$top" && find . | "$tree/bin/busybox" cpio -o -H newc -R 0:0) >"$tree/boot/initrd.img" 2>>"$work/log"
    mv "$tree/boot/vmlinuz-$kernel" "$tree/boot/vmlinuz"
}

slim() (
    cd "$1" || exit
    rm -rf usr/share/{doc,man,info,locale,i18n,lintian,bug,perl,perl5,python3,grub,bash-completion,common-licenses,zoneinfo}
    rm -rf usr/share/{debconf,initramfs-tools,apparmor,pixmaps,menu,applications,polkit-1,gdb,readline,doc-base,gcc}
    rm -rf usr/lib/{grub,python3,python3.11,systemd,udev,initramfs-tools,apt,dpkg,locale,tmpfiles.d,sysusers.d,valgrind}
    rm -rf usr/lib/x86_64-linux-gnu/{gconv,perl,perl-base,perl5,libpython*,libapt-*}
    rm -rf usr/bin/{grub-*,python3*,py3*,pydoc*,pdb3*,perl*,dpkg*,apt*,debconf*,deb-systemd*,systemd*,udevadm,cpan*,pod*}
    rm -rf usr/sbin/{grub-*,dpkg*,iconvconfig,zic,mkinitramfs,update-initramfs,update-rc.d,invoke-rc.d,pam-auth-update}
    rm -rf usr/include usr/games var/lib/{apt,dpkg} var/cache boot/config-* boot/System.map-*
    rm -rf etc/{apt,dpkg,grub.d,init.d,rc?.d,systemd,udev,initramfs-tools,kernel,cron.daily,update-motd.d,alternatives,ufw,sv}
    rm -rf etc/{runit,insserv.conf.d,logrotate.d,python3*,apparmor.d} etc/default/{grub*,nfs-common,rpcbind}
)

# Applets for every command that is not there as the real thing: init, udhcpc, poweroff, vi ….
add_applets() {
    local tree=$1 applet
    for applet in $(chroot "$tree" busybox --list); do
        case $applet in dpkg | dpkg-deb | rpm | rpm2cpio | \[*) continue ;; esac
        [ -e "$tree/usr/bin/$applet" ] || [ -e "$tree/usr/sbin/$applet" ] || ln -s busybox "$tree/usr/bin/$applet"
    done
    ln -sf ../bin/busybox "$tree/usr/sbin/init"
    ln -sf mawk "$tree/usr/bin/awk"
}

# What the packages' scripts would have made: accounts, the linker's cache.
make_etc() {
    local tree=$1 file mode
    cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
    cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
    cp "$tree/usr/share/base-files/profile" "$tree/etc/profile"
    mkdir -p "$tree/root" "$tree/var/log" "$tree/var/tmp" "$tree/mnt" "$tree/srv" "$tree/opt" "$tree/home"
    chmod 700 "$tree/root"
    chmod 1777 "$tree/var/tmp"
    # The checkout's owner and umask are nobody's business.
    (cd "$here_mini/rootfs" && find . -type f) | while read -r file; do
        mode=644
        [ ! -x "$here_mini/rootfs/$file" ] || mode=755
        install -D -o 0 -g 0 -m "$mode" "$here_mini/rootfs/$file" "$tree/$file"
    done
    mkdir -p "$tree/etc/mini/dev"
    ln -s /proc/self/fd "$tree/etc/mini/dev/fd"
    ln -s /proc/self/fd/0 "$tree/etc/mini/dev/stdin"
    ln -s /proc/self/fd/1 "$tree/etc/mini/dev/stdout"
    ln -s /proc/self/fd/2 "$tree/etc/mini/dev/stderr"
    sed -i 's,^root:[^:]*:\(.*\):[^:]*$,root:*:\1:/bin/bash,' "$tree/etc/passwd"
    chroot "$tree" /usr/sbin/pwconv
    chroot "$tree" /usr/sbin/grpconv
    chroot "$tree" /usr/sbin/useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
    chroot "$tree" /usr/sbin/useradd --system --no-create-home --home-dir /run/rpcbind --shell /usr/sbin/nologin _rpc
    chroot "$tree" /usr/sbin/useradd --system --no-create-home --home-dir /var/lib/nfs --shell /usr/sbin/nologin statd
    ln -sf ../proc/self/mounts "$tree/etc/mtab"
    : >"$tree/etc/resolv.conf"
    chroot "$tree" /sbin/ldconfig
}

build_guest() {
    local tree=$work/tree
    say "unpacking packages"
    unpack_packages
    say "making the disk"
    keep_modules "$tree"
    make_initramfs "$tree"
    make_core "$here_mini/grub.cfg" biosdisk part_gpt ext2 linux16 boot
    slim "$tree"
    make_etc "$tree"
    add_applets "$tree"
    make_disk 2048 "$(cat /proc/sys/kernel/random/uuid)" mini
}
