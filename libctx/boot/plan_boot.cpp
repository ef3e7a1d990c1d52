#include "boot/plan_boot.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "dialects/setup_script.hpp"
#include "edit/plan_parts.hpp"
#include "services/sysv_services.hpp"

namespace ctx {

namespace {

constexpr const char* script_path = "/etc/vmbatch/setup";
constexpr const char* reason = "mounts, commands, report";

bool has_early(const Context& context)
{
    return std::ranges::any_of(context.commands,
                               [](const Command& command) { return command.when == Command::When::early; });
}

bool needs_host_key(const Context& context, const GuestFacts& facts)
{
    if (context.host_key || !facts.has("/etc/ssh/sshd_config")) return false;
    return std::ranges::none_of(facts.files, [](const auto& file) {
        return file.first.starts_with("/etc/ssh/ssh_host_") && file.first.ends_with("_key");
    });
}

// It stays "active", and so its folder in /run stays, for as long as the guest runs.
std::string unit(std::string_view head, std::string_view part, std::string_view wanted_by)
{
    return fmt::format("[Unit]\n{}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=infinity\n"
                       "RuntimeDirectory=vmbatch\nRuntimeDirectoryMode=0700\n"
                       "ExecStart=/bin/sh {} / /run/vmbatch {}\n\n[Install]\nWantedBy={}\n",
                       head, script_path, part, wanted_by);
}

void install_unit(EditPlan& plan, const std::string& name, const std::string& text, const std::string& target)
{
    const std::string path = "/etc/systemd/system/" + name;
    add(plan, reason, edit::WriteFile{path, text});
    add(plan, reason, edit::MakeSymlink{fmt::format("/etc/systemd/system/{}.wants/{}", target, name), path});
}

void by_systemd(EditPlan& plan, const Context& context)
{
    if (has_early(context))
        install_unit(plan, "vmbatch-early.service",
                     unit("Description=VmBatch: early commands\nDefaultDependencies=no\n"
                          "After=local-fs.target\nBefore=network-pre.target shutdown.target\n"
                          "Wants=network-pre.target\nConflicts=shutdown.target\n",
                          "early", "sysinit.target"),
                     "sysinit.target");
    install_unit(plan, "vmbatch.service",
                 unit("Description=VmBatch: mounts, commands and the report\n"
                      "Wants=network-online.target\nAfter=network-online.target vmbatch-early.service\n",
                      "all", "multi-user.target"),
                 "multi-user.target");
}

// A folder on the disk may be there from the last boot, with what that left.
std::string start_line(const char* state)
{
    return fmt::format("rm -rf {0} && mkdir -p {0} && chmod 0700 {0} && /bin/sh {1} / {0} all", state,
                       script_path);
}

void by_init_script(EditPlan& plan, const GuestFacts& facts)
{
    const bool red_hat = has_chkconfig_layout(facts);
    const std::string text = fmt::format("#!/bin/sh\n"
                                         "# chkconfig: 2345 99 01\n"
                                         "# description: VmBatch: mounts, commands and the report\n"
                                         "### BEGIN INIT INFO\n"
                                         "# Provides: vmbatch\n"
                                         "# Required-Start: $remote_fs $network $syslog\n"
                                         "# Required-Stop:\n"
                                         "# Default-Start: 2 3 4 5\n"
                                         "# Default-Stop:\n"
                                         "# Short-Description: VmBatch: mounts, commands and the report\n"
                                         "### END INIT INFO\n"
                                         "[ \"$1\" = start ] || exit 0\n"
                                         "{}\n",
                                         start_line("/var/run/vmbatch"));
    add(plan, reason,
        edit::WriteFile{red_hat ? "/etc/rc.d/init.d/vmbatch" : "/etc/init.d/vmbatch", text, 0755});
    for (const char* level : {"2", "3", "4", "5"})
        add(plan, reason,
            edit::MakeSymlink{fmt::format("{}/rc{}.d/S99vmbatch", red_hat ? "/etc/rc.d" : "/etc", level),
                              "../init.d/vmbatch"});
}

} // namespace

std::string with_local_command(std::string_view rc_local, const std::string& line)
{
    if (rc_local.empty()) return "#!/bin/sh\n" + line + "\n";
    std::vector<std::string> lines = split(rc_local, '\n');
    if (std::ranges::find(lines, line) != lines.end()) return std::string(rc_local);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    const bool exits = !lines.empty() && lines.back().starts_with("exit");
    lines.insert(exits ? lines.end() - 1 : lines.end(), line);
    return join(lines, "\n") + "\n";
}

void plan_boot(EditPlan& plan, const Context& context, const GuestFacts& facts)
{
    const bool make_host_key = needs_host_key(context, facts);
    if (!context.share && context.mounts.empty() && context.commands.empty() && !context.ready &&
        !make_host_key)
        return;
    // Root's alone: commands may hold what is nobody else's business.
    edit::WriteFile script{script_path, boot_script(context, make_host_key), 0700};
    script.secret = true;
    add(plan, reason, std::move(script));
    switch (facts.init) {
    case InitSystem::systemd: by_systemd(plan, context); break;
    case InitSystem::upstart:
    case InitSystem::sysv: by_init_script(plan, facts); break;
    case InitSystem::none:
        // Small guests have at least this.
        add(plan, reason,
            edit::WriteFile{"/etc/rc.local",
                            with_local_command(facts.text("/etc/rc.local"), start_line("/run/vmbatch")),
                            0755});
        break;
    }
}

} // namespace ctx
