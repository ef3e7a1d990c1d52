// Guests' roots laid out in a directory, and plans as text.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <fmt/format.h>

#include <ctx/apply_plan.hpp>
#include <ctx/base/file.hpp>
#include <ctx/dir_tree.hpp>
#include <ctx/edit_plan.hpp>

#include "../ctx/sample.hpp"
#include "../temporary_directory.hpp"

class GuestRoot {
public:
    GuestRoot() : tree_(ctx::open_dir_tree(directory_.path())) {}

    void file(const std::string& path, const std::string& content, mode_t mode = 0644)
    {
        const std::filesystem::path place = on_host(path);
        std::filesystem::create_directories(place.parent_path());
        ctx::write_file(place, content, mode);
    }
    void link(const std::string& path, const std::string& target)
    {
        const std::filesystem::path place = on_host(path);
        std::filesystem::create_directories(place.parent_path());
        std::filesystem::create_symlink(target, place);
    }
    void folder(const std::string& path) { std::filesystem::create_directories(on_host(path)); }

    std::filesystem::path on_host(const std::string& path) const
    {
        return directory_.path() / path.substr(1);
    }
    std::string text(const std::string& path) const
    {
        return tree_->read_file(path, 1 << 20).value_or("(not there)");
    }
    // Where a link leads; "" for what is none.
    std::string target(const std::string& path) const
    {
        const auto entry = tree_->entry(path);
        return entry ? entry->target : "(not there)";
    }
    ctx::GuestTree& tree() { return *tree_; }

    ctx::GuestFacts facts(const ctx::Context& context) const { return ctx::read_facts(*tree_, context); }
    ctx::EditPlan plan(const ctx::Context& context) const { return ctx::make_plan(context, facts(context)); }
    void apply(const ctx::Context& context) { ctx::apply_plan(plan(context), *tree_); }

private:
    TemporaryDirectory directory_;
    std::unique_ptr<ctx::GuestTree> tree_;
};

// Debian 12's cloud image, as far as plans look at it.
inline void lay_out_debian(GuestRoot& root)
{
    root.file("/usr/lib/os-release",
              "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
              "VERSION_ID=\"12\"\nID=debian\n");
    root.link("/etc/os-release", "../usr/lib/os-release");
    root.file("/etc/debian_version", "12.5\n");
    root.folder("/usr/bin");
    root.folder("/usr/sbin");
    for (const char* merged : {"bin", "sbin", "lib"})
        root.link(fmt::format("/{}", merged), fmt::format("usr/{}", merged));
    root.file("/usr/lib/systemd/systemd", "", 0755);
    root.link("/usr/sbin/init", "/lib/systemd/systemd");
    root.file("/usr/bin/bash", "", 0755);
    root.file("/usr/sbin/sshd", "OpenSSH_2.5.0p1*\nOpenSSH_6.6.1*\nOpenSSH_9.2p1 Debian-2+deb12u2\n", 0755);
    root.file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                             "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                             "debian:x:1000:1000:Debian:/home/debian:/bin/bash\n");
    root.file("/etc/group", "root:x:0:\nadm:x:4:debian\nsudo:x:27:debian\nusers:x:100:\ndebian:x:1000:\n");
    root.file("/etc/shadow",
              "root:*:19700:0:99999:7:::\ndaemon:*:19700:0:99999:7:::\n"
              "debian:!:19700:0:99999:7:::\n",
              0640);
    root.file("/etc/gshadow", "root:*::\nadm:*::debian\nsudo:*::debian\nusers:*::\ndebian:!::\n", 0640);
    root.file("/etc/login.defs", "# comment\nUMASK\t\t022\n#HOME_MODE\t0700\n");
    root.file("/etc/machine-id", "", 0444);
    root.file("/etc/hostname", "localhost\n");
    root.file("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1\told\n::1 ip6-localhost\n");
    root.file("/etc/skel/.bashrc", "# bashrc\n");
    root.file("/etc/skel/.config/x", "x\n", 0600);
    root.link("/etc/skel/.link", ".bashrc");
    root.file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n");
    root.file("/etc/ssh/ssh_host_rsa_key", "everybody's", 0600);
    root.file("/etc/ssh/ssh_host_rsa_key.pub", "everybody's");
}
