#include <algorithm>
#include <set>
#include <utility>

#include <fcntl.h>

#include <ctx/apply_plan.hpp>
#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

namespace ctx {

namespace {

constexpr std::size_t longest_edited = 16 << 20; // a file that gets a line

std::string parent_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

class Applier {
public:
    Applier(GuestTree& tree, const ApplyHooks& hooks) : tree_(tree), hooks_(hooks) {}

    void operator()(const edit::MakeDirectory& edit)
    {
        const std::string path = tree_.real_path(edit.path);
        if (const auto found = tree_.entry(path)) {
            if (found->kind == GuestEntry::Kind::directory) return;
            throw Error(Blame::user, "there is a file where a directory is to be").at(path);
        }
        make_parents(path);
        tree_.make_directory(path, {edit.mode, edit.owner.uid, edit.owner.gid, std::nullopt});
        changed_.insert(path);
    }

    void operator()(const edit::WriteFile& edit)
    {
        std::string path = edit.path;
        GuestAttributes attributes{edit.mode, edit.owner.uid, edit.owner.gid, std::nullopt};
        std::map<std::string, std::string> xattrs;
        if (edit.keep_attributes) {
            path = tree_.real_path(path);
            xattrs = keep(path, attributes);
        }
        make_parents(path);
        write(path, edit.content, attributes);
        for (const auto& [name, value] : xattrs) tree_.set_xattr(path, name, value);
        if (xattrs.empty()) changed_.insert(path);
    }

    void operator()(const edit::AppendLine& edit)
    {
        const std::string path = tree_.real_path(edit.path);
        GuestAttributes attributes;
        const auto xattrs = keep(path, attributes);
        std::string text = tree_.read_file(path, longest_edited).value_or("");
        if (has_line(text, edit.line)) return;
        if (!text.empty() && !text.ends_with('\n')) text += '\n';
        text += edit.line + "\n";
        make_parents(path);
        tree_.write_bytes(path, text, attributes);
        for (const auto& [name, value] : xattrs) tree_.set_xattr(path, name, value);
        if (xattrs.empty()) changed_.insert(path);
    }

    void operator()(const edit::MakeSymlink& edit)
    {
        make_parents(edit.path);
        tree_.make_symlink(edit.path, edit.target, {});
        changed_.insert(edit.path);
    }

    void operator()(const edit::Remove& edit) { tree_.remove(edit.path); }

    void operator()(const edit::SetOwner& edit)
    {
        tree_.set_owner(edit.path, edit.owner.uid, edit.owner.gid);
    }

    void operator()(const edit::SetMode& edit) { tree_.set_mode(edit.path, edit.mode); }

    void operator()(const edit::SetXattr& edit) { tree_.set_xattr(edit.path, edit.name, edit.value); }

    void operator()(const edit::Unpack& edit)
    {
        (*this)(edit::MakeDirectory{edit.to});
        hooks_.unpack(tree_, edit);
        changed_.insert(edit.to);
    }

    void operator()(const edit::Relabel&)
    {
        const std::vector<std::string> paths(changed_.begin(), changed_.end());
        if (paths.empty() || (hooks_.relabel && hooks_.relabel(tree_, paths))) return;
        tree_.write_bytes("/.autorelabel", "", {});
    }

private:
    // What is at the path stays the owner's, with its mode and labels.
    std::map<std::string, std::string> keep(const std::string& path, GuestAttributes& attributes) const
    {
        const auto found = tree_.entry(path);
        if (!found) return {};
        if (found->kind != GuestEntry::Kind::file) throw Error(Blame::user, "it is no regular file").at(path);
        attributes.mode = found->mode;
        attributes.uid = found->uid;
        attributes.gid = found->gid;
        return tree_.xattrs(path);
    }

    void write(const std::string& path, const std::variant<std::string, std::filesystem::path>& content,
               const GuestAttributes& attributes)
    {
        if (const auto* text = std::get_if<std::string>(&content)) {
            tree_.write_bytes(path, *text, attributes);
            return;
        }
        const auto& source = std::get<std::filesystem::path>(content);
        // O_NONBLOCK: a FIFO in the place of a file must not stop us.
        const int raw = ::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (raw < 0) throw system_error("the file cannot be read", source.string(), errno, Blame::user);
        const Fd fd(raw);
        HostFileContent stream(fd.get(), source.string());
        tree_.write_file(path, stream, attributes);
    }

    void make_parents(const std::string& path)
    {
        const std::string parent = parent_of(path);
        if (parent != "/") (*this)(edit::MakeDirectory{parent});
    }

    static bool has_line(const std::string& text, const std::string& line)
    {
        const std::string around = "\n" + text + "\n";
        return around.find("\n" + line + "\n") != std::string::npos;
    }

    GuestTree& tree_;
    const ApplyHooks& hooks_;
    std::set<std::string> changed_;
};

} // namespace

void apply_plan(const EditPlan& plan, GuestTree& tree, const ApplyHooks& hooks)
{
    const bool unpacks = std::ranges::any_of(
        plan, [](const Edit& edit) { return std::holds_alternative<edit::Unpack>(edit.action); });
    if (unpacks && !hooks.unpack) throw Error(Blame::node, "this plan unpacks archives, and nobody here can");
    Applier applier(tree, hooks);
    for (const Edit& edit : plan) while_doing(edit.reason, [&] { std::visit(applier, edit.action); });
}

} // namespace ctx
