#include "disc/iso_handles.hpp"

#include <array>

namespace ctx {

void start_libisofs()
{
    static const int result = [] {
        const int started = iso_init_with_flag(1); // the user's locale is not looked at
        if (started < 0) return started;
        std::array<char, 6> charset = {"UTF-8"};
        iso_set_local_charset(charset.data(), 0);
        std::array<char, 6> queue = {"SORRY"};
        std::array<char, 6> print = {"NEVER"};
        std::array<char, 1> prefix = {""};
        return iso_set_msgs_severities(queue.data(), print.data(), prefix.data());
    }();
    iso_checked(result, "libisofs cannot be used", "");
}

} // namespace ctx
