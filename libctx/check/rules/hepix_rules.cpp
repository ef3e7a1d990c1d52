#include <string>

#include <ctx/base/text.hpp>

#include "check/rules/rules.hpp"

namespace ctx::check {

bool is_guarded(std::string_view text)
{
    return text.find("vmbatch_bootstrap ") != std::string_view::npos;
}

void obey_hepix_scripts(Hearing& hearing)
{
    const Medium& medium = *hearing.found.from.medium;
    for (const char* name : {"prolog.sh", "epilog.sh"}) {
        if (hearing.found.from.format->name != "HEPiX" || !medium.has(name)) continue;
        const std::string_view text = medium.text(name);
        const bool early = std::string_view(name) == "prolog.sh";
        hearing.reads(std::string(name) + (early ? ", before the network" : ", last") +
                      ", at every start and stop");
        hearing.heard = true;
        hearing.guarded = hearing.guarded && is_guarded(text);
        if (is_guarded(text)) continue;
        if (early && text.find("contextdone") == std::string_view::npos)
            hearing.find("prolog-twice", Severity::warning, name, "it is sourced twice on the first boot",
                         "leave at once if /etc/contextdone is there");
        if (text.find("$1") == std::string_view::npos)
            hearing.find("hepix-stop", Severity::warning, name,
                         "it is sourced with 'stop', too, when the machine goes down, and does not look",
                         R"(begin with: [ "$1" = start ] || return 0)");
    }
}

void obey_root_key_variables(Hearing& hearing)
{
    const ShellVariables& variables = hearing.found.variables;
    if (!variables.value("PUBLIC_KEY").empty()) {
        hearing.reads("PUBLIC_KEY: root's key, for rootsshkeys");
        hearing.heard = true;
        return;
    }
    const std::string file = variables.value("ROOT_PUBKEY");
    if (file.empty()) return;
    if (hearing.found.from.medium->has(file)) {
        hearing.reads("ROOT_PUBKEY: root's key, for rootsshkeys");
        hearing.heard = true;
        return;
    }
    hearing.partly = true;
    hearing.find("root-key-missing", Severity::error, "ROOT_PUBKEY",
                 "there is no '" + printable(file) + "' on the disc", "put the public key there");
}

} // namespace ctx::check
