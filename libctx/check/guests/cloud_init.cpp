// cloud-init of our days (22.4), as in stock cloud images. Its data sources in the order in which it asks
// them; an image's own configuration can change that.
#include "check/model.hpp"

namespace ctx::check {

Stage cloud_init_stage()
{
    using enum FileSystem;
    return {
        .name = "cloud-init",
        .search = Search::formats_first,
        .formats =
            {
                {.name = "NoCloud",
                 .files = {"user-data", "meta-data"},
                 .filesystems = {iso9660, vfat},
                 .labels = {"cidata", "CIDATA"},
                 .user_data = {.file = "user-data"}},
                {.name = "ConfigDrive",
                 .files = {"openstack/latest/meta_data.json"},
                 .filesystems = {iso9660, vfat},
                 .labels = {"config-2", "CONFIG-2"},
                 .user_data = {.file = "openstack/latest/user_data"}},
                {.name = "OpenNebula",
                 .files = {"context.sh"},
                 .filesystems = {iso9660},
                 .labels = {"CONTEXT", "CDROM"},
                 .user_data = {.file = "context.sh",
                               .variable = "USER_DATA",
                               .encoding_variable = "USERDATA_ENCODING"}},
            },
        .obeys = {Obeys::cloud_init, Obeys::cloud_init_ssh_key},
        .otherwise = "asks the network, or is off",
    };
}

Guest cloud_init()
{
    return {
        .name = "cloud-init", .title = "a cloud image with cloud-init 22.4", .stages = {cloud_init_stage()}};
}

} // namespace ctx::check
