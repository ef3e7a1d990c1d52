# shellcheck shell=bash disable=SC2154  # variables of the script that sources this
# Sourced by build: from a directory tree to a bootable disk, with no mount, loop device or partition scan.
#
# Layout (GPT): sector 2048 a BIOS boot partition holding GRUB's core.img, sector 4096 the ext4 root.

BIOS_BOOT_SECTOR=2048
ROOT_SECTOR=4096
BIOS_BOOT_TYPE=21686148-6449-6E6F-744E-656564454649

# poke FILE OFFSET VALUE: writes VALUE as a 64-bit little-endian number.
poke() {
    local file=$1 offset=$2 value=$3 bytes='' i
    for i in 0 8 16 24 32 40 48 56; do
        bytes+=$(printf '\\x%02x' $((value >> i & 255)))
    done
    # shellcheck disable=SC2059  # the format is the bytes
    printf "$bytes" | dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
}

# make_core CONFIG MODULE…: GRUB's core.img in $work, made by the tree's own grub-mkimage. "(,gpt2)" means: of the boot disk.
make_core() {
    local config=$1
    shift
    grep -v '^#' "$config" >"$work/tree/tmp/embedded.cfg" # the rescue parser would see a comment's apostrophe as a quote
    chroot "$work/tree" grub-mkimage -O i386-pc -p '(,gpt2)/boot/grub' -c /tmp/embedded.cfg -o /tmp/core.img "$@"
    mv "$work/tree/tmp/core.img" "$work/core.img"
    cp "$work/tree/usr/lib/grub/i386-pc/boot.img" "$work/boot.img"
    rm "$work/tree/tmp/embedded.cfg"
}

# What grub-install would do: boot.img goes into the boot sector's first 440 bytes and is told where core.img begins;
# core.img's own first sector is told where its second one is (grub-mkimage has already put the length there).
write_boot_code() {
    local raw=$1
    poke "$work/boot.img" $((0x5c)) "$BIOS_BOOT_SECTOR"
    poke "$work/core.img" $((0x1f4)) $((BIOS_BOOT_SECTOR + 1))
    dd if="$work/boot.img" of="$raw" bs=440 count=1 conv=notrunc status=none
    dd if="$work/core.img" of="$raw" bs=512 seek="$BIOS_BOOT_SECTOR" conv=notrunc status=none
}

# make_disk MIB UUID LABEL: $work/tree becomes $work/disk.qcow2 of MIB MiB.
make_disk() {
    local mib=$1 uuid=$2 label=$3 raw=$work/disk.raw
    truncate -s "${mib}M" "$raw"
    sfdisk --quiet --no-reread --no-tell-kernel "$raw" <<PARTITIONS
label: gpt
start=$BIOS_BOOT_SECTOR, size=$((ROOT_SECTOR - BIOS_BOOT_SECTOR)), type=$BIOS_BOOT_TYPE
start=$ROOT_SECTOR, size=$((mib * 2048 - ROOT_SECTOR - 2048)), type=L
PARTITIONS
    # GRUB 2.06 does not read the two newest features, should the host's mke2fs.conf ask for them.
    mke2fs -q -t ext4 -O ^metadata_csum_seed,^orphan_file -m 1 -U "$uuid" -L "$label" -d "$work/tree" \
        -E "offset=$((ROOT_SECTOR * 512))" "$raw" $((mib * 1024 - ROOT_SECTOR / 2 - 1024))k >>"$work/log" 2>&1
    write_boot_code "$raw"
    qemu-img convert -f raw -O qcow2 "$raw" "$work/disk.qcow2"
    rm "$raw"
}
