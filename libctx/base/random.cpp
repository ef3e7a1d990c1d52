#include <array>
#include <cerrno>
#include <vector>

#include <sys/random.h>

#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/random.hpp>

namespace ctx {

std::string random_hex(std::size_t bytes)
{
    std::vector<unsigned char> raw(bytes);
    std::size_t have = 0;
    while (have < bytes) {
        const ssize_t count = ::getrandom(raw.data() + have, bytes - have, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw system_error("no randomness", "getrandom", errno);
        have += static_cast<std::size_t>(count);
    }
    std::string text;
    for (const unsigned char byte : raw) text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace ctx
