#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include <ctx/base/deadline.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/process.hpp>

#include "runner/hypervisor/qemu/process.hpp"

using runner::qemu::read_command_line;

namespace {

std::string command_line(const std::vector<std::string>& words)
{
    std::string result;
    for (const std::string& word : words) result += word + '\0';
    return result;
}

const std::string uuid = "5c6f38c1-8b93-8f1c-8f5e-0123456789ab";

// As libvirt 9 starts it, shortened.
const std::vector<std::string> usual = {
    "/usr/bin/qemu-system-x86_64",
    "-name",
    "guest=vmbatch-69[2].server,debug-threads=on",
    "-S",
    "-uuid",
    uuid,
    "-blockdev",
    R"({"driver":"file","filename":"/cache/images/base.qcow2","node-name":"libvirt-3-storage"})",
    "-blockdev",
    R"({"driver":"file","filename":"/state/jobs/69[2].server/disk/overlay.qcow2","node-name":"libvirt-2-storage"})",
    "-device",
    "virtio-blk-pci"};

} // namespace

TEST_CASE("a guest's process says whose it is")
{
    const auto found = read_command_line(command_line(usual), "/state");
    REQUIRE(found);
    CHECK(found->uuid == uuid);
    CHECK(found->name == "vmbatch-69[2].server");
    CHECK(found->job_id == "69[2].server");
}

TEST_CASE("a guest of another state directory is nobody's here")
{
    for (const char* other : {"/stat", "/other", "/state/jobs"}) {
        const auto found = read_command_line(command_line(usual), other);
        REQUIRE(found);
        CHECK(found->job_id.empty());
    }
}

TEST_CASE("a file of a job that is no disk of its makes no guest of it")
{
    const auto found = read_command_line(
        command_line({"qemu", "-uuid", uuid, "-blockdev", R"({"filename":"/state/jobs/1/user/key"})"}),
        "/state");
    REQUIRE(found);
    CHECK(found->job_id.empty());
}

TEST_CASE("other processes are no guests")
{
    CHECK_FALSE(read_command_line("", "/state"));
    CHECK_FALSE(read_command_line(command_line({"bash", "-c", "-uuid " + uuid}), "/state"));
    CHECK_FALSE(read_command_line(command_line({"qemu", "-uuid"}), "/state"));
    CHECK_FALSE(read_command_line(command_line({"-uuid", uuid}), "/state"));
}

TEST_CASE("a guest's process is found, and ended, by its uuid alone")
{
    // With /dev/null for its input a shell would end at once.
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const ctx::Fd reading(pipe[0]);
    const ctx::Fd writing(pipe[1]);
    const auto run = [&](const std::string& id) {
        ctx::ProcessSpec spec;
        spec.argv = {"/bin/sh", "-c", "read -r never", "sh", "-uuid", id, "end"};
        spec.standard_input = reading.get();
        return ctx::Process(spec);
    };
    const std::string other = "00000000-8b93-8f1c-8f5e-0123456789ab";
    ctx::Process ours = run(uuid);
    ctx::Process theirs = run(other);

    pid_t known = 0;
    CHECK(runner::qemu::has_process(uuid, known));
    CHECK(known == ours.pid());
    CHECK(runner::qemu::has_process(uuid, known));
    CHECK(runner::qemu::end_process(uuid, ctx::Deadline::in(std::chrono::seconds(20))));
    CHECK(ours.wait(ctx::Deadline::in(std::chrono::seconds(20)))->signal == SIGKILL);
    CHECK_FALSE(runner::qemu::has_process(uuid, known));
    CHECK_FALSE(runner::qemu::end_process(uuid, ctx::Deadline::in(std::chrono::seconds(20))));
    CHECK_FALSE(theirs.wait(ctx::Deadline::in(std::chrono::milliseconds(0))));
}
