#include "job_keys.hpp"

#include <cerrno>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>

namespace runner {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t key_limit = 1 << 14;

ctx::HostKey generate(const fs::path& path, const std::string& comment, const ctx::Deadline& deadline)
{
    ctx::run_checked(
        {.argv = {"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path.string()},
         .own_session = true},
        deadline);
    ctx::HostKey key{ctx::read_file(path, key_limit), ctx::read_file(path.string() + ".pub", key_limit)};
    if (key.public_key.ends_with('\n')) key.public_key.pop_back();
    fs::remove(path.string() + ".pub");
    return key;
}

void give_to(const fs::path& path, const ctx::User& user)
{
    if (::lchown(path.c_str(), user.uid, user.group.gid) < 0)
        throw ctx::system_error("cannot give to the job's user", path.string(), errno);
}

} // namespace

void give_user_directory(const Ledger& ledger, const ctx::User& user)
{
    give_to(ledger.user_directory(), user);
}

JobKeys make_job_keys(const Ledger& ledger, const ctx::User& user, const std::string& host_alias,
                      const ctx::Deadline& deadline)
{
    JobKeys keys;
    const fs::path host_key = ledger.private_directory() / "host_key";
    keys.host = generate(host_key, host_alias, deadline);
    reached(Step::host_key_made);
    fs::remove(host_key); // from here on it lives in the guest only

    const fs::path directory = ledger.user_directory();
    keys.user_public_key = generate(directory / "key", host_alias, deadline).public_key;
    ctx::write_file(directory / "known_hosts", host_alias + " " + keys.host.public_key + "\n", 0600);
    // The directory last: up to here it is root's, and nobody can swap what we are writing.
    give_to(directory / "key", user);
    give_to(directory / "known_hosts", user);
    give_to(directory, user);
    reached(Step::user_key_made);
    return keys;
}

} // namespace runner
