// Predictions: what a kind of guest will make of the media and disks it is given. From the guests' own public
// code (howto/discs.md says which), and, where that was not enough, from what real guests were seen to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ctx/check/machine.hpp>

namespace ctx::check {

// unknown: what is known of the guest does not settle it. error: the context is not applied, or a part of it
// is not, or data is lost, or the boot hangs.
enum class Severity { note, warning, unknown, error };

std::string_view to_string(Severity severity);

struct Finding {
    std::string id; // stable: scripts may look for it
    Severity severity = Severity::note;
    std::string place; // the disk, disc, file or key it is about
    std::string reason;
    std::string remedy; // "" where nothing has to be mended
};

// One thing the guest does, in the order in which it does them.
struct Step {
    std::string stage;  // "boot loader", "HEPiX", "amiconfig" …
    std::string action; // "takes sr0 (context.iso) as OpenNebula: context.sh is the first …"
    std::vector<std::string> reads;
    std::vector<std::string> ignores;
};

enum class Verdict { applied, partly, not_applied, not_known, hangs };

std::string_view to_string(Verdict verdict);

struct Report {
    std::string guest; // "cernvm4"
    std::string title; // "CernVM 4"
    Verdict verdict = Verdict::not_applied;
    std::vector<Step> steps;
    std::vector<Finding> findings;

    bool has(Severity severity) const;
};

// The names of the guests that are known, for `--guest`.
std::vector<std::string> guest_names();

// Files any guest looks for on a medium: all whose content a Machine should have.
std::vector<std::string> files_of_interest();

// Pure. Throws Error (user) for a guest that is not known, with the nearest name.
Report predict(const Machine& machine, std::string_view guest);

// For a person; the same report is the same text.
std::string to_text(const Report& report);

} // namespace ctx::check
