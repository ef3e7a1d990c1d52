// Which disk µCernVM takes as its scratch disk: its cache, the writable half of its root and its context in
// one (cernvm-micro: scripts.d/04devices, 10root). Names in alphabetical order.
#pragma once

#include <string>
#include <vector>

#include <ctx/check/machine.hpp>
#include <ctx/check/report.hpp>

namespace ctx::check {

struct ScratchDisk {
    // One that is used again: the boot loader reads no context then, the old one stays.
    bool warm = false;
    bool hangs = false;
    std::vector<std::string> eaten; // disks whose content is gone once the boot loader is done
    Step step;
    std::vector<Finding> findings;
};

ScratchDisk take_scratch_disk(const Machine& machine);

} // namespace ctx::check
