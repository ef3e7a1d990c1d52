// Contexts the tests share, and what an Error says.
#pragma once

#include <string>

#include <ctx/base/error.hpp>
#include <ctx/context.hpp>

template <class Work>
std::string message_of(Work&& work)
{
    try {
        work();
    } catch (const ctx::Error& error) {
        return error.what();
    }
    return "(no error)";
}

// One of everything.
inline ctx::Context sample_context()
{
    ctx::Context context;
    context.hostname = "wn-7.site.example";
    context.instance_id = "job-7";
    context.root_ssh_keys = {"ssh-ed25519 AAAAroot admin"};
    ctx::User alice;
    alice.name = "alice";
    alice.uid = 5001;
    alice.group = {"physics", 5000};
    alice.groups = {{"atlas", 6000}, {"cms", 6001}};
    alice.home = "/home/alice";
    alice.ssh_keys = {"ssh-ed25519 AAAAalice job"};
    context.users = {alice};
    context.directories = {{"/scratch/job", 0700, {"alice", "physics"}}};
    context.files = {{"/opt/job/it's", "first line\n$(reboot)\n", std::nullopt, 0755, {"alice", "physics"}},
                     {"/etc/hostname.copy", std::nullopt, "/etc/hostname", 0600, {}}};
    context.archives = {{"/etc/hostname", "/opt/input", ctx::Owner{"alice", "physics"}},
                        {"/etc/hostname", "/", std::nullopt}};
    context.services = {{"rpcbind"}, {"cron"}};
    context.share = ctx::Mount{"10.0.2.2:/vmbatch", "/vmbatch", "nfs4", "port=12049"};
    context.mounts = {{"10.0.2.2:/home", "/home", "nfs4", ""}};
    context.commands = {{ctx::Command::When::early, "echo 'first'"},
                        {ctx::Command::When::late, "echo last\necho end"}};
    context.environment = {{"OMP_NUM_THREADS", "2"}, {"WORD", "it's a=b, ${HOME}\nand more"}};
    context.cernvm.organisations = {"alice", "atlas"};
    context.cernvm.repositories = {"alice", "grid"};
    context.cernvm.proxy = "http://squid:3128;DIRECT";
    context.cernvm.amiconfig = {{"cernvm", {{"swap_size", "2g"}}}, {"squid", {}}};
    context.cernvm.bootloader = {{"cvmfs_http_proxy", "http://squid:3128;DIRECT"}};
    context.host_key =
        ctx::HostKey{"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
                     "ssh-ed25519 AAAAhost guest"};
    context.ready = ctx::ReadyReport{"0123456789abcdef0123456789abcdef", "/vmbatch/ready", "alice", ""};
    return context;
}

inline ctx::StaticNetwork sample_network()
{
    return {"52:54:00:12:34:56", "10.0.0.5/22", "10.0.0.1", {"10.0.0.1", "10.0.0.2"}};
}
