#include "tree/follow_links.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace ctx {

std::string follow_links(const std::string& path, const LookUp& look_up)
{
    constexpr int most_links = 40; // as Linux
    int links = 0;
    std::vector<std::string> done;
    std::vector<std::string> left = split(path, '/'); // the next part last
    std::ranges::reverse(left);
    while (!left.empty()) {
        const std::string part = std::move(left.back());
        left.pop_back();
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!done.empty()) done.pop_back();
            continue;
        }
        done.push_back(part);
        const auto found = look_up("/" + join(done, "/"));
        if (!found || found->kind != GuestEntry::Kind::link) continue;
        if (++links > most_links) throw Error(Blame::user, "too many links").at(printable(path));
        if (found->target.starts_with('/'))
            done.clear();
        else
            done.pop_back();
        std::vector<std::string> target = split(found->target, '/');
        left.insert(left.end(), target.rbegin(), target.rend());
    }
    return "/" + join(done, "/");
}

} // namespace ctx
