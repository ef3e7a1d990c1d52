// Where a guest's units are, among the files that were looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ctx/guest_facts.hpp>

#include "services/unit_file.hpp"

namespace ctx {

constexpr const char* unit_configuration = "/etc/systemd/system";

// The vendor's folders as this guest's systemd names them in links: with /usr merged both lead to the same
// files.
std::vector<std::string> vendor_unit_folders(const GuestFacts& facts);

struct UnitFile {
    std::string path;  // of the fragment
    std::string alias; // the unit that this name is only another name of, if it is one
    bool masked = false;
    std::string text; // fragment and drop-ins
};

// The unit or, for an instance, its template. Nothing if the guest has neither.
std::optional<UnitFile> find_unit(const GuestFacts& facts, const std::string& unit);

} // namespace ctx
