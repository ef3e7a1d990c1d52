// systemd's unit files, as far as enabling and disabling goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ctx {

// "cron" → "cron.service"; a name with a unit's suffix stays.
std::string unit_name(const std::string& service);

// "getty@tty1.service" → "getty@.service"; "" for what is no instance.
std::string template_of(const std::string& unit);

struct InstallSection {
    std::vector<std::string> wanted_by;
    std::vector<std::string> required_by;
    std::vector<std::string> upheld_by;
    std::vector<std::string> aliases;
    std::vector<std::string> also;
    std::string default_instance;

    bool empty() const
    {
        return wanted_by.empty() && required_by.empty() && upheld_by.empty() && aliases.empty() &&
               also.empty();
    }
};

// [Install] of a fragment followed by its drop-ins. An empty value forgets the ones before it. %i, %j, %n,
// %N, %p stand for parts of the unit's name.
InstallSection parse_install(std::string_view text, const std::string& unit);

} // namespace ctx
