// The heads of SysV init scripts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ctx {

// "# chkconfig: 2345 55 25" of Red Hat's; levels "-" are none.
struct ChkconfigLine {
    std::string levels;
    int start = 0;
    int stop = 0;
};

// Between "### BEGIN INIT INFO" and its end.
struct LsbHeader {
    std::vector<std::string> provides;
    std::vector<std::string> required_start;
    std::vector<std::string> should_start;
    std::vector<std::string> required_stop;
    std::vector<std::string> default_start; // "2", "3", "S" …
    std::vector<std::string> default_stop;
};

struct InitScript {
    std::optional<ChkconfigLine> chkconfig;
    std::optional<LsbHeader> lsb;
};

InitScript parse_init_script(std::string_view text);

} // namespace ctx
