// The HEPiX scripts of CernVM 2 and 3 and of sites' own guests (amiconfig: hepix/extra/hepix_functions). They
// look for the disc again, on their own: never on the first disk of a bus, and not for openstack/ or
// user-data.txt.
#include "check/model.hpp"

namespace ctx::check {

Stage hepix()
{
    using enum FileSystem;
    std::vector<std::string> drives = {"sr0", "sr1"};
    for (const char* bus : {"xv", "v", "h", "s"}) {
        for (const char* letter : {"c", "d", "b"}) {
            const std::string disk = std::string(bus) + "d" + letter;
            drives.push_back(disk);
            drives.push_back(disk + "1");
        }
    }
    return {
        .name = "HEPiX",
        .search = Search::media_first,
        .drives = drives,
        .formats =
            {
                {.name = "HEPiX",
                 .one_of = {"prolog.sh", "context.sh"},
                 .filesystems = {iso9660, vfat, udf},
                 .user_data = {.file = "context.sh", .variable = "EC2_USER_DATA", .base64 = true}},
                {.name = "EC2 ConfigDrive",
                 .files = {"ec2/latest/user-data", "ec2/latest/meta-data.json"},
                 .filesystems = {iso9660, vfat, udf},
                 .user_data = {.file = "ec2/latest/user-data"}},
            },
        .obeys = {Obeys::hepix_scripts, Obeys::root_key_variables},
        .otherwise = "goes on without a context",
    };
}

// Runs a script of root's and plugins over ini sections (amiconfig: hepix/commands/amiconfig.sh).
Stage amiconfig(std::string listens_to)
{
    return {
        .name = "amiconfig",
        .listens_to = std::move(listens_to),
        .only_after = true,
        .obeys = {Obeys::amiconfig},
        .once_per_scratch_disk = true,
    };
}

} // namespace ctx::check
