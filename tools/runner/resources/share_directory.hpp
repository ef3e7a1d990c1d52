// The job's directory on the share, through which the guest says "ready" and its address. Its name is a
// secret of 128 bits below a folder nobody can list: who is not told it cannot find it.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

#include "../ledger/steps.hpp"

namespace runner {

struct ShareDirectory {
    static constexpr const char* kind = "share";
    static constexpr ResourceSteps steps{Step::share_recorded, Step::share_made, Step::share_removed,
                                         Step::share_struck};

    std::filesystem::path parent; // the exported folder
    std::string name;
    uid_t uid = 0; // who may use it: the job's user, or whom the server takes the guest's root for
    gid_t gid = 0;

    std::string details() const;
    std::filesystem::path make() const; // throws Error (node)
    static std::filesystem::path path_in(const std::string& details);
    static void remove(const std::string& details);
};

// What the names of this host's directories for this state directory begin with: a share may serve many
// hosts, and each sweeps its own.
std::string share_prefix(const std::filesystem::path& state_dir);

} // namespace runner
