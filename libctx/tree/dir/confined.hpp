// Opening below a directory and nowhere else.
#pragma once

#include <optional>
#include <string>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>

namespace ctx {

// An errno of a change or look-up in a guest's directory: who is to blame follows from it.
Error tree_error(const char* problem, const std::string& path, int error_number);

class ConfinedDirectory {
public:
    explicit ConfinedDirectory(Fd root) : root_(std::move(root)) {}

    // An O_PATH descriptor of what is at a path of the guest; nothing if there is nothing. A last link is
    // opened itself, not what it leads to, unless `follow`.
    enum class Last { follow, keep };
    std::optional<Fd> find(const std::string& path, Last last) const;
    Fd require(const std::string& path, Last last) const; // throws Error (user) for what is not there

    // The directory a path's last part lies in, and that part. Throws Error (user) for the root itself.
    struct Place {
        Fd parent;
        std::string name;
    };
    Place place(const std::string& path) const;

private:
    Fd root_;
};

// The name under which an O_PATH descriptor is reached by calls that take none.
std::string descriptor_path(const Fd& fd);

} // namespace ctx
