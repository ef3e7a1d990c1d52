#include <string>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "../temporary_directory.hpp"
#include "runner/lifecycle/job_context.hpp"

using ctx::Blame;

namespace {

// One value that each part says, and what only some of them say.
class Parts {
public:
    Parts()
    {
        job_.id = "7";
        job_.user.name = "alice";
        job_.user.uid = 5001;
        job_.user.group = {"alice", 5001};
        job_.user.home = "/home/alice";
        job_.workdir = "/scratch";
        profile_.name = "small";
        profile_.environment = {{"WHO", "profile"}, {"PROFILE", "yes"}};
        profile_.mounts = {{"server:/profile", "/home", "nfs4", ""}, {"server:/sw", "/sw", "nfs4", ""}};
        share_.source = "server:/vmbatch";
        share_.mount = "/vmbatch";
        share_.type = "nfs4";
        keys_.user_public_key = "ssh-ed25519 AAAA job";
        keys_.host = {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "ssh-ed25519 AAAA host"};
        identity_.uuid = "8f14e45f-ceea-467a-9575-2f2f6b1f0e4d";
        identity_.hostname = "vm-7";
        identity_.mac = "52:54:00:00:00:07";
    }

    std::string file(const char* name, const std::string& text)
    {
        ctx::write_file(folder_ / name, "schema = 1\n" + text, 0600);
        return folder_ / name;
    }
    ctx::Context context() const
    {
        return runner::job_context(
            {job_, profile_, share_, identity_, keys_, std::string(32, '0'), "dir", "/bin/true"});
    }

    runner::Job& job() { return job_; }
    runner::Profile& profile() { return profile_; }

private:
    TemporaryDirectory folder_;
    runner::Job job_;
    runner::Profile profile_;
    runner::ShareSettings share_;
    runner::GuestIdentity identity_;
    runner::JobKeys keys_;
};

} // namespace

TEST_CASE("of a job's context the later part counts: profile, its file, one by hand, the job, --set")
{
    Parts parts;
    CHECK(parts.context().environment.at("WHO") == "profile");
    CHECK(parts.context().hostname == "vm-7");
    parts.profile().context_file = parts.file(
        "profile", "[guest]\nhostname = 'wn-${job.id}'\n[environment]\nWHO = 'file'\nFILE = 'yes'\n"
                   "[[mount]]\nsource = 'server:/file'\ntarget = '/home'\n"
                   "[[user]]\nname = 'alice'\nuid = 5001\nhome = '/elsewhere'\n");
    CHECK(parts.context().environment.at("WHO") == "file");
    parts.job().context_file = parts.file("hand", "[environment]\nWHO = 'hand: ${word}'\nHAND = 'yes'\n");
    parts.job().values = {{"word", "${job.id}"}};
    CHECK(parts.context().environment.at("WHO") == "hand: ${job.id}");
    parts.job().values.emplace("environment.WHO", "set");
    parts.job().values.emplace("job.id", "8");

    const ctx::Context whole = parts.context();
    CHECK(whole.environment == std::map<std::string, std::string>{
                                   {"FILE", "yes"}, {"HAND", "yes"}, {"PROFILE", "yes"}, {"WHO", "set"}});
    CHECK(whole.hostname == "wn-8");
    REQUIRE(whole.mounts.size() == 2);
    CHECK(whole.mounts[0].source == "server:/file");
    REQUIRE(whole.users.size() == 1);
    CHECK(whole.users[0].home == "/home/alice");
    CHECK(whole.users[0].ssh_keys.size() == 1);
    CHECK(whole.share->source == "server:/vmbatch/dir");
    CHECK(whole.instance_id == "8f14e45f-ceea-467a-9575-2f2f6b1f0e4d");
}

TEST_CASE("who is to blame for a job's context")
{
    Parts parts;
    const auto blame = [&] {
        try {
            parts.context();
        } catch (const ctx::Error& error) {
            return error.blame();
        }
        return Blame::remote;
    };
    CHECK(blame() == Blame::remote); // nobody
    parts.profile().context_file = parts.file("profile", "[guest]\nhostname = '${nobody}'\n");
    CHECK(blame() == Blame::node);
    parts.profile().context_file.reset();
    parts.job().context_file = parts.file("hand", "[guest]\nhostname = '${nobody}'\n");
    CHECK(blame() == Blame::user);
    parts.job().context_file.reset();
    parts.job().values = {{"guest.hostnam", "x"}};
    CHECK(blame() == Blame::user);
    // Each by itself is good, together they are not.
    parts.job().values.clear();
    parts.profile().context_file = parts.file("profile", "[[user]]\nname = 'bob'\nuid = 5001\n");
    CHECK(blame() == Blame::node);
}
