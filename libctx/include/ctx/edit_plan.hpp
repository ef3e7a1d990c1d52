// The edit plan: what a context asks for, as changes to a guest's root. Made by pure functions from the
// context and what is known of the guest (guest_facts.hpp); applied to any guest tree (apply_plan.hpp).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <sys/types.h>

#include <ctx/context.hpp>
#include <ctx/guest_facts.hpp>

namespace ctx {

namespace edit {

// Paths are the guest's, absolute. Owners are numbers: names have been looked up in the guest's own passwd,
// including the accounts that the same plan makes.
struct Numbers {
    uid_t uid = 0;
    gid_t gid = 0;

    friend bool operator==(const Numbers&, const Numbers&) = default;
};

// A directory and its missing parents (0755 root). One that is there, or a link to one, is left as it is.
struct MakeDirectory {
    std::string path;
    mode_t mode = 0755;
    Numbers owner;
};

// A file with this content, in place of what is there; missing parents are made.
struct WriteFile {
    std::string path;
    std::variant<std::string, std::filesystem::path> content; // text, or a file of the host
    mode_t mode = 0644;
    Numbers owner;
    bool secret = false; // its content is not printed
    // A file that is there keeps owner, mode and labels; a link is followed, and what it leads to is written.
    bool keep_attributes = false;
};

// A line at the end of a file, which is made if it is not there (0644 root). A last line without an end gets
// one first. A file that has the line already is left as it is.
struct AppendLine {
    std::string path;
    std::string line; // without its end
    bool secret = false;
};

// A link in place of what is there, a directory excepted; missing parents are made.
struct MakeSymlink {
    std::string path;
    std::string target; // as it is to stand there
};

// A file, a link, a directory with all in it. Nothing there is no error.
struct Remove {
    std::string path;
};

struct SetOwner {
    std::string path;
    Numbers owner;
};

struct SetMode {
    std::string path;
    mode_t mode = 0;
};

struct SetXattr {
    std::string path;
    std::string name;
    std::string value;
};

// A tar archive of the host unpacked below a directory, which is made if it is not there. Owners are the
// members' numbers, unless `owner` is set. Existing directories are used, other things replaced.
struct Unpack {
    std::filesystem::path source;
    std::string to;
    std::optional<Numbers> owner;
};

// SELinux: all that the plan has changed so far gets the labels of the guest's own policy or, where they
// cannot be told, the guest relabels itself at its first boot, which takes it a minute and a second boot.
struct Relabel {};

} // namespace edit

using EditAction =
    std::variant<edit::MakeDirectory, edit::WriteFile, edit::AppendLine, edit::MakeSymlink, edit::Remove,
                 edit::SetOwner, edit::SetMode, edit::SetXattr, edit::Unpack, edit::Relabel>;

struct Edit {
    EditAction action;
    std::string reason; // "user alice", "service cron off": for people
};

using EditPlan = std::vector<Edit>;

// The path an edit is about; "" for Relabel.
const std::string& edit_path(const EditAction& action);

// What becomes of the guest's own cloud-init: off, or at work without asking anybody and undoing anything
// (the root file system grows, its other modules run; it costs the boot 15 s and more under emulation).
enum class CloudInit { off, carry_on };

struct PlanOptions {
    CloudInit cloud_init = CloudInit::off;
};

// All that the context asks of this guest, in the order in which it must be done. Throws Error (user) for
// what this guest cannot be given: a uid that is another's, a service it does not have, a network stack not
// known.
EditPlan make_plan(const Context& context, const GuestFacts& facts, const PlanOptions& options = {});

} // namespace ctx
