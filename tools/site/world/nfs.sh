# shellcheck shell=bash disable=SC2154 # arguments.sh and tree.sh set what is not set here
# The NFS server: NFSv4 only, so that port 2049 is all of it. Guests on the bridge reach it at the bridge's address,
# guests on QEMU's user network at 10.0.2.2.

start_nfs() {
    mount -t tmpfs -o mode=0755,nosuid,nodev,noexec vmbatch-site /var/lib/nfs
    mkdir -p /run/ganesha /var/lib/nfs/ganesha
    write_nfs_config >"$state_dir/log/ganesha.conf"
    start ganesha /usr/bin/ganesha.nfsd -F -f "$state_dir/log/ganesha.conf" -L STDOUT -N NIV_EVENT -p /run/ganesha/pid
}

nfs_ready() { wait_for ganesha 'NFS on port 2049' tcp_port_answers 127.0.0.1 2049; }

# Owners go over the wire as numbers: a guest's users need not exist here.
write_nfs_config() {
    cat <<'EOF'
NFS_CORE_PARAM {
    NFS_Port = 2049;
    Protocols = 4;
    Enable_NLM = false;
    Enable_RQUOTA = false;
}
NFSV4 {
    Graceless = true;
    RecoveryBackend = fs;
    Only_Numeric_Owners = true;
}
EOF
    local entry number=0
    for entry in "$site_root/share=/vmbatch" "${exports[@]}"; do
        number=$((number + 1))
        # ganesha would go on without it.
        [[ -d ${entry%%=*} ]] || die "--export: ${entry%%=*} is not a directory in the world"
        cat <<EOF
EXPORT {
    Export_Id = $number;
    Path = "${entry%%=*}";
    Pseudo = "${entry#*=}";
    Access_Type = RW;
    Squash = Root_Squash;
    Anonymous_Uid = 65534;
    Anonymous_Gid = 65534;
    SecType = sys;
    Protocols = 4;
    Transports = TCP;
    FSAL { Name = VFS; }
}
EOF
    done
}
