// The context: what a guest must be told. One value type, read from one file format (context_file.hpp),
// rendered by the dialects (dialect.hpp), applied as an edit plan.
//
// A Context that exists has been checked by check_context() or was made by code that keeps its rules;
// renderers rely on them. Text in it may come from a job's user: it never reaches a shell unquoted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace ctx {

struct Group {
    std::string name;
    gid_t gid = 0;
};

// An account of the guest. One that the guest has already is adopted if its uid is the same; another uid
// under that name, or another name with that uid, is an error the guest reports. `root` may be named for its
// keys.
struct User {
    std::string name;
    uid_t uid = 0;
    Group group;               // the primary one
    std::vector<Group> groups; // further ones
    std::string home;          // absolute; made from /etc/skel unless it is there (a mount, say)
    std::string shell = "/bin/bash";
    std::vector<std::string> ssh_keys; // lines of authorized_keys; kept outside the home, which may be shared
};

// "alice:physics", names or numbers.
struct Owner {
    std::string user = "root";
    std::string group = "root";
};

// Exactly one of `content` and `source` is set. `source` is a file of the host, absolute once read.
struct File {
    std::string path; // absolute in the guest; missing parents are made, 0755 root
    std::optional<std::string> content;
    std::optional<std::filesystem::path> source;
    mode_t mode = 0644;
    Owner owner;
};

// Made if it is not there; one that is there is left as it is.
struct Directory {
    std::string path;
    mode_t mode = 0755;
    Owner owner;
};

// A tar archive (gz, bz2, xz, zst or plain) unpacked below `to`.
struct Archive {
    std::filesystem::path source;
    std::string to;
    std::optional<Owner> owner; // all members; else as in the archive
};

struct Services {
    std::vector<std::string> enable;
    std::vector<std::string> disable;
};

struct StaticNetwork {
    std::string mac;     // "52:54:00:…": which interface
    std::string address; // "10.0.0.5/24"
    std::string gateway; // or ""
    std::vector<std::string> dns;
};

// DHCP on the first interface unless there is something static.
struct Network {
    std::optional<StaticNetwork> fixed;
};

// A file system the guest mounts, with retries, before users are made (homes may lie on it).
struct Mount {
    std::string source; // "10.0.2.2:/home"
    std::string target; // absolute
    std::string type = "nfs4";
    std::string options;
};

// `early`: before everything else (the network may or may not be up). `late`: after everything else, before
// the guest says it is ready. The text is the admin's or image maintainer's own shell, run as root.
struct Command {
    enum class When { early, late } when = When::late;
    std::string run;
};

struct CernVm {
    std::vector<std::string> organisations;
    std::vector<std::string> repositories;
    std::string proxy;                             // "http://squid:3128;DIRECT"
    std::map<std::string, std::string> bootloader; // [cernvm.ucernvm]: keys of the µCernVM boot loader
    // [cernvm.amiconfig.SECTION]: what a site tells amiconfig's plugins besides.
    std::map<std::string, std::map<std::string, std::string>> amiconfig;
};

// The machine's SSH identity, made by us so that the host knows it before the first connection.
struct HostKey {
    std::string private_key; // OpenSSH's format
    std::string public_key;  // one line
};

// How the guest says that it is ready, and on its way there what it has begun: it writes a file into the
// share, under a temporary name, then renames it; or, without a share, the same text to a port of
// virtio-serial. The text is lines of `key=value`: nonce, boot_id, address, hostname, stages (all that were
// begun, with commas), stage (the last of them, then `ready`, or `failed` with reason). It ends with an empty
// line.
struct ReadyReport {
    std::string nonce; // 32 hexadecimal digits
    std::string path;  // "/vmbatch/ready" in the guest; "" by a port
    // Who writes it: the share is exported with root squashed, so the guest's root may not.
    std::string user = "root";
    std::string channel; // the port's name, "org.vmbatch.ready"; "" by a file
};

struct Context {
    std::string hostname; // "" = the image's own
    // Changes whenever the guest must contextualize anew. Derived from the job and its nonce or, without a
    // job, from the context's digest.
    std::string instance_id;
    std::vector<std::string> root_ssh_keys;
    std::vector<User> users;
    std::vector<Directory> directories;
    std::vector<File> files;
    std::vector<Archive> archives;
    Services services;
    Network network;
    std::optional<Mount> share;
    std::vector<Mount> mounts;
    std::vector<Command> commands;
    std::map<std::string, std::string> environment; // of login shells, by /etc/profile.d
    CernVm cernvm;
    std::optional<HostKey> host_key;
    std::optional<ReadyReport> ready;
};

// Throws Error (user) for what no guest could be told or must not be: relative or climbing paths, two users
// of one name or uid, a host name that is none, line feeds where they cannot be, a missing or unreadable
// source …
void check_context(const Context& context);

// `base` overlaid with `over`: single values are replaced, lists are appended to, a user, file, mount or
// variable of the same name is replaced.
Context merge(Context base, const Context& over);

} // namespace ctx
