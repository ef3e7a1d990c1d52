#include <algorithm>
#include <ranges>
#include <utility>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>
#include <ctx/mounted_tree.hpp>

#include "tree/follow_links.hpp"

namespace ctx {

MountedTree::MountedTree(std::unique_ptr<GuestTree> root)
{
    trees_.emplace("", std::move(root));
}

void MountedTree::mount(const std::string& path, std::unique_ptr<GuestTree> tree)
{
    const std::string plain = plain_guest_path(path);
    if (plain == "/" || !trees_.emplace(plain, std::move(tree)).second)
        throw Error(Blame::user, "two file systems are mounted at one place").at(printable(path));
}

MountedTree::Place MountedTree::place(const std::string& plain) const
{
    // The longest that it is below: the map's order has longer ones later.
    for (const auto& [at, tree] : trees_ | std::views::reverse) {
        if (!plain.starts_with(at)) continue;
        if (plain.size() == at.size()) return {.tree = tree.get(), .path = "/"};
        if (plain[at.size()] == '/') return {.tree = tree.get(), .path = plain.substr(at.size())};
    }
    throw Error(Blame::user, "not an absolute path").at(printable(plain));
}

std::string MountedTree::follow(const std::string& path) const
{
    if (!path.starts_with('/')) throw Error(Blame::user, "not an absolute path").at(printable(path));
    return follow_links(path, [this](const std::string& plain) {
        const Place here = place(plain);
        return here.tree->entry(here.path);
    });
}

MountedTree::Place MountedTree::of_name(const std::string& path) const
{
    const std::size_t end = path.find_last_not_of('/');
    if (end == std::string::npos) return place("/");
    const std::size_t slash = path.rfind('/', end);
    if (slash == std::string::npos) throw Error(Blame::user, "not an absolute path").at(printable(path));
    const std::string name = path.substr(slash + 1, end - slash);
    if (name == "." || name == "..") return of_target(path);
    const std::string parent = follow(path.substr(0, slash + 1));
    return place(parent == "/" ? "/" + name : parent + "/" + name);
}

std::optional<GuestEntry> MountedTree::entry(const std::string& path) const
{
    const Place at = of_name(path);
    return at.tree->entry(at.path);
}

std::optional<std::string> MountedTree::read_file(const std::string& path, std::size_t limit) const
{
    const Place at = of_target(path);
    return at.tree->read_file(at.path, limit);
}

std::vector<std::string> MountedTree::list(const std::string& path, std::size_t limit) const
{
    const Place at = of_target(path);
    return at.tree->list(at.path, limit);
}

std::optional<std::string> MountedTree::get_xattr(const std::string& path, const std::string& name) const
{
    const Place at = of_name(path);
    return at.tree->get_xattr(at.path, name);
}

std::map<std::string, std::string> MountedTree::xattrs(const std::string& path) const
{
    const Place at = of_name(path);
    return at.tree->xattrs(at.path);
}

void MountedTree::make_directory(const std::string& path, const GuestAttributes& attributes)
{
    const Place at = of_name(path);
    at.tree->make_directory(at.path, attributes);
}

void MountedTree::write_file(const std::string& path, GuestContent& content,
                             const GuestAttributes& attributes)
{
    const Place at = of_name(path);
    at.tree->write_file(at.path, content, attributes);
}

void MountedTree::make_symlink(const std::string& path, const std::string& target,
                               const GuestAttributes& attributes)
{
    const Place at = of_name(path);
    at.tree->make_symlink(at.path, target, attributes);
}

void MountedTree::make_hardlink(const std::string& path, const std::string& existing)
{
    const Place at = of_name(path);
    const Place old = of_name(existing);
    if (at.tree != old.tree)
        throw Error(Blame::user, "a file cannot have names on two file systems")
            .at(printable(path))
            .because(printable(existing) + " is on another one");
    at.tree->make_hardlink(at.path, old.path);
}

void MountedTree::remove(const std::string& path)
{
    const Place at = of_name(path);
    if (at.path == "/") throw Error(Blame::user, "a file system's root is not removed").at(printable(path));
    const std::string whole = follow(path);
    const bool has_mounts = std::ranges::any_of(
        trees_, [&](const auto& mounted) { return mounted.first.starts_with(whole + "/"); });
    const auto found = at.tree->entry(at.path);
    if (has_mounts && found && found->kind == GuestEntry::Kind::directory)
        throw Error(Blame::user, "a file system is mounted below it").at(printable(path));
    at.tree->remove(at.path);
}

void MountedTree::set_owner(const std::string& path, uid_t uid, gid_t gid)
{
    const Place at = of_name(path);
    at.tree->set_owner(at.path, uid, gid);
}

void MountedTree::set_mode(const std::string& path, mode_t mode)
{
    const Place at = of_name(path);
    at.tree->set_mode(at.path, mode);
}

void MountedTree::set_xattr(const std::string& path, const std::string& name, std::string_view value)
{
    const Place at = of_name(path);
    at.tree->set_xattr(at.path, name, value);
}

void MountedTree::set_mtime(const std::string& path, std::int64_t mtime)
{
    const Place at = of_name(path);
    at.tree->set_mtime(at.path, mtime);
}

void MountedTree::close()
{
    for (const auto& [at, tree] : trees_) tree->close();
}

} // namespace ctx
