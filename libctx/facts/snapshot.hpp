// Looking at a guest's files within bounds. What is too long, too many or unreadable is taken for not there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <ctx/guest_facts.hpp>
#include <ctx/guest_tree.hpp>

namespace ctx {

class SnapshotTaker {
public:
    SnapshotTaker(const GuestTree& tree, GuestFacts& facts) : tree_(tree), facts_(facts) {}

    const GuestTree& tree() const { return tree_; }

    // Remembers what is at the path; with the content, if it is a file or leads to one.
    void take(const std::string& path);
    // Remembers that it is there, and of a link where it leads.
    void take_entry(const std::string& path);
    enum class What { entries, contents };
    // The same for all in a directory, not below it.
    void take_folder(const std::string& path, What what);
    // A directory with what is in its directories, to a depth.
    void take_tree(const std::string& path, What what, int depth);

    std::vector<std::string> names(const std::string& folder) const;
    // Nothing, or at most `limit` bytes.
    std::string text(const std::string& path, std::size_t limit) const;

private:
    const GuestTree& tree_;
    GuestFacts& facts_;
};

} // namespace ctx
