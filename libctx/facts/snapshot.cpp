#include "facts/snapshot.hpp"

#include <optional>
#include <utility>

#include <ctx/base/error.hpp>

namespace ctx {

namespace {

constexpr std::size_t most_names = 4096;   // of one folder
constexpr std::size_t most_files = 20'000; // of all that is remembered
constexpr std::size_t longest = 4 << 20;   // of what is read whole

// What the guest made unreadable is not there; what this host cannot do is an error.
template <class Look>
auto tolerant(const Look& look) -> decltype(look())
{
    try {
        return look();
    } catch (const Error& error) {
        if (error.blame() != Blame::user || error.timed_out()) throw;
        return {};
    }
}

} // namespace

void SnapshotTaker::take_entry(const std::string& path)
{
    if (facts_.files.size() >= most_files) return;
    if (auto entry = tolerant([&] { return tree_.entry(path); }))
        facts_.files[path].entry = std::move(*entry);
}

void SnapshotTaker::take(const std::string& path)
{
    take_entry(path);
    const auto found = facts_.files.find(path);
    if (found == facts_.files.end() || found->second.entry.kind == GuestEntry::Kind::directory) return;
    auto content = tolerant([&] { return tree_.read_file(path, longest); });
    if (content)
        found->second.content = std::move(*content);
    else if (found->second.entry.kind != GuestEntry::Kind::link)
        facts_.files.erase(found); // half of it would be worse
}

void SnapshotTaker::take_folder(const std::string& path, What what)
{
    take_entry(path);
    for (const std::string& name : names(path)) {
        if (what == What::contents)
            take(path + "/" + name);
        else
            take_entry(path + "/" + name);
    }
}

void SnapshotTaker::take_tree(const std::string& path, What what, int depth)
{
    take_folder(path, what);
    if (depth == 0) return;
    for (const std::string& name : names(path)) {
        const auto found = facts_.files.find(path + "/" + name);
        if (found != facts_.files.end() && found->second.entry.kind == GuestEntry::Kind::directory)
            take_tree(path + "/" + name, what, depth - 1);
    }
}

std::vector<std::string> SnapshotTaker::names(const std::string& folder) const
{
    return tolerant([&] { return tree_.list(folder, most_names); });
}

std::string SnapshotTaker::text(const std::string& path, std::size_t limit) const
{
    return tolerant([&] { return tree_.read_file(path, limit); }).value_or("");
}

} // namespace ctx
