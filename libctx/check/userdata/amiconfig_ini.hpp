// User data as amiconfig reads them: Python 2's ConfigParser, behind a sieve that lets only lines through
// that look like
// `[section]` or `key=value`, from the first section on.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ctx::check {

struct IniSection {
    std::string name;
    std::map<std::string, std::string> keys; // lower case; of two the last
};

struct AmiconfigIni {
    std::vector<IniSection> sections; // sections of one name are one
    // Lines from the first section on that are dropped though there is something on them; counted from 1.
    struct Dropped {
        unsigned line = 0;
        std::string text;
    };
    std::vector<Dropped> dropped;
    // Values that end at a ` ;`.
    std::vector<std::string> cut;

    // The first of that name, whatever its case: null if there is none.
    const IniSection* find(std::string_view name) const;
};

AmiconfigIni parse_amiconfig_ini(std::string_view text);

// The line on which a script for root ends, for amiconfig: the first that begins with "exit", counted from 1;
// 0 if there is none. (What stands behind it is not run.)
unsigned script_end(std::string_view text);

} // namespace ctx::check
