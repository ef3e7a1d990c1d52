#include "image_settings.hpp"

namespace runner {

std::map<std::string, Remote> default_remotes()
{
    std::map<std::string, Remote> remotes;
    // CernVM's own signature is the only proof there is of it; who may sign is the site's to say.
    remotes["cernvm4"] = {.urls = {"https://cernvm.cern.ch/releases/production/cernvm4-micro-2020.07-1.hdd"},
                          .checksum = {},
                          .checksum_url = {},
                          .signature = {},
                          .keyring = {},
                          .signer = {},
                          .format = {}};
    remotes["debian12"] = {
        .urls = {"https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2"},
        .checksum = {},
        .checksum_url = "https://cloud.debian.org/images/cloud/bookworm/latest/SHA512SUMS",
        .signature = {},
        .keyring = {},
        .signer = {},
        .format = {}};
    return remotes;
}

} // namespace runner
