#include "facts/account_files.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <ctx/base/text.hpp>

namespace ctx {

namespace {

std::optional<std::uint32_t> number(std::string_view text)
{
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "+name", "-name", "+": what NIS is to add, no account of the guest's own.
bool is_entry(const std::string& name)
{
    return !name.empty() && name[0] != '+' && name[0] != '-' && name[0] != '#';
}

} // namespace

std::vector<GuestAccount> parse_passwd(std::string_view text)
{
    std::vector<GuestAccount> accounts;
    for (const std::string& line : split(text, '\n')) {
        std::vector<std::string> fields = split(line, ':');
        constexpr std::size_t count = 7;
        if (fields.size() != count || !is_entry(fields[0])) continue;
        const auto uid = number(fields[2]);
        const auto gid = number(fields[3]);
        if (!uid || !gid) continue;
        accounts.push_back({std::move(fields[0]), *uid, *gid, std::move(fields[5]), std::move(fields[6])});
    }
    return accounts;
}

std::vector<GuestGroup> parse_group(std::string_view text)
{
    std::vector<GuestGroup> groups;
    for (const std::string& line : split(text, '\n')) {
        std::vector<std::string> fields = split(line, ':');
        constexpr std::size_t count = 4;
        if (fields.size() != count || !is_entry(fields[0])) continue;
        const auto gid = number(fields[2]);
        if (!gid) continue;
        GuestGroup group{std::move(fields[0]), *gid, {}};
        for (std::string& member : split(fields[3], ','))
            if (!member.empty()) group.members.push_back(std::move(member));
        groups.push_back(std::move(group));
    }
    return groups;
}

} // namespace ctx
