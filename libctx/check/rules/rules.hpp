// What each kind of listener makes of what was found: reads and ignores for the step, findings for the
// report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ctx/check/report.hpp>

#include "check/find_context.hpp"

namespace ctx::check {

struct Hearing {
    const Found& found;
    std::string place; // "sr0: user-data"
    Step& step;
    std::vector<Finding>& findings;
    bool heard = false;    // something takes effect
    bool partly = false;   // and something does not
    bool in_doubt = false; // or may not
    bool guarded = true;   // all that was heard happens once, however often it is heard

    void reads(std::string what) { step.reads.push_back(std::move(what)); }
    void ignores(std::string what) { step.ignores.push_back(std::move(what)); }
    void find(const char* id, Severity severity, const std::string& where, std::string reason,
              std::string remedy = "")
    {
        findings.push_back({.id = id,
                            .severity = severity,
                            .place = where.empty() ? place : place + ", " + where,
                            .reason = std::move(reason),
                            .remedy = std::move(remedy)});
    }
};

void obey_bootloader_block(Hearing& hearing);
void obey_bootloader_network(Hearing& hearing);
void obey_hepix_scripts(Hearing& hearing);
void obey_root_key_variables(Hearing& hearing);
void obey_amiconfig(Hearing& hearing);
// [cernvm] of amiconfig's sections; part of the above.
void obey_cernvm_plugin(Hearing& hearing, const std::map<std::string, std::string>& keys);
void obey_cloud_init(Hearing& hearing);
void obey_cloud_init_ssh_key(Hearing& hearing);

// Whether a text sees to it that it happens once a boot: vmbatch's own do.
bool is_guarded(std::string_view text);

} // namespace ctx::check
