// The µCernVM boot loader (cernvm-micro: scripts.d/06context), an initramfs: CernVM 3 and 4 begin with it. It
// keeps the user data for later and obeys but a block of it. No label is looked at, and NoCloud is none of
// its formats.
#include "check/model.hpp"

namespace ctx::check {

Stage ucernvm_boot_loader()
{
    using enum FileSystem;
    return {
        .name = "boot loader",
        .search = Search::formats_first,
        .formats =
            {
                {.name = "ConfigDrive",
                 .files = {"openstack/latest/user_data"},
                 .filesystems = {iso9660, vfat},
                 .user_data = {.file = "openstack/latest/user_data"}},
                {.name = "OpenNebula",
                 .files = {"context.sh"},
                 .filesystems = {iso9660, vfat},
                 .user_data =
                     {.file = "context.sh", .variable = "EC2_USER_DATA", .base64 = true, .one_line = true}},
                {.name = "vSphere",
                 .files = {"user-data.txt"},
                 .filesystems = {iso9660},
                 .user_data = {.file = "user-data.txt"}},
            },
        .obeys = {Obeys::bootloader_block, Obeys::bootloader_network},
        .contextualizes = false,
        .once_per_scratch_disk = true,
        .otherwise = "asks the network: GCE, EC2, OpenStack",
    };
}

} // namespace ctx::check
