#include "job_script.hpp"

#include <memory>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <ctx/base/error.hpp>
#include <ctx/base/text.hpp>

namespace runner {

using ctx::shell_quote;

namespace {

// The job's environment, last word per name.
std::map<std::string, std::string> environment_of(const Job& job,
                                                  const std::map<std::string, std::string>& defaults)
{
    std::map<std::string, std::string> result = defaults;
    result.try_emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (const std::string& variable : job.environment) {
        const std::size_t equals = variable.find('=', 1);
        if (equals == std::string::npos || variable.starts_with("VMBATCH_")) continue;
        result.insert_or_assign(variable.substr(0, equals), variable.substr(equals + 1));
    }
    result.insert_or_assign("HOME", job.user.home);
    result.insert_or_assign("USER", job.user.name);
    result.insert_or_assign("LOGNAME", job.user.name);
    result.insert_or_assign("SHELL", job.user.shell);
    result.insert_or_assign("VMBATCH_JOB_ID", job.id);
    return result;
}

std::string render_launch(const Job& job, const std::string& script,
                          const std::map<std::string, std::string>& environment)
{
    std::string text =
        fmt::format("umask {:03o}\ncd -- {} || exit 126\n", job.umask, shell_quote(job.workdir));
    text += "exec /usr/bin/env -i --";
    // env takes names a shell could not export: bash's functions, for one.
    for (const auto& [name, value] : environment)
        text += fmt::format(" \\\n  {}", shell_quote(fmt::format("{}={}", name, value)));
    text += " \\\n ";
    if (!script.starts_with("#!")) text += " /bin/sh";
    text += fmt::format(" {}/script", guest_job_folder);
    for (const std::string& argument : job.arguments) text += " " + shell_quote(argument);
    return text + "\n";
}

std::string render_main()
{
    // The shell's own words ("Segmentation fault") are dropped; the job's stderr is the real one. In a
    // subshell, for dash redirects a simple command's descriptors in itself, and so would say them there.
    return fmt::format("exec 3>&2 2>/dev/null\n"
                       "( exec /bin/sh {0}/launch 2>&3 3>&- )\n"
                       "status=$?\n"
                       "echo \"$status\" >{0}/status.new && mv {0}/status.new {0}/status\n"
                       "exit \"$status\"\n",
                       guest_job_folder);
}

struct FreeWriter {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

la_ssize_t append_to_string(archive* /*writer*/, void* target, const void* data, size_t size)
{
    static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
}

void require(archive* writer, int result)
{
    if (result != ARCHIVE_OK)
        throw ctx::Error(ctx::Blame::node, "cannot pack the job's files")
            .because(archive_error_string(writer));
}

void add(archive* writer, const char* name, mode_t mode, const std::string& content)
{
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name);
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), mode);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    require(writer, archive_write_header(writer, entry.get()));
    if (archive_write_data(writer, content.data(), content.size()) < 0) require(writer, ARCHIVE_FATAL);
}

} // namespace

JobFiles render_job_files(const Job& job, const std::string& script,
                          const std::map<std::string, std::string>& defaults)
{
    return {script, render_launch(job, script, environment_of(job, defaults)), render_main()};
}

std::string pack(const JobFiles& files)
{
    std::string stream;
    const std::unique_ptr<archive, FreeWriter> writer(archive_write_new());
    require(writer.get(), archive_write_set_format_ustar(writer.get()));
    require(writer.get(), archive_write_open(writer.get(), &stream, nullptr, append_to_string, nullptr));
    add(writer.get(), "script", 0700, files.script);
    add(writer.get(), "launch", 0600, files.launch);
    add(writer.get(), "main", 0600, files.main);
    require(writer.get(), archive_write_close(writer.get()));
    return stream;
}

std::string unpack_command(const std::string& workdir)
{
    return fmt::format("umask 077; mkdir {0} && tar -xf - -C {0} || exit 1; cd -- {1} || exit {2}",
                       guest_job_folder, shell_quote(workdir), workdir_missing);
}

std::string main_command()
{
    return fmt::format("exec /bin/sh {}/main", guest_job_folder);
}

std::string status_command()
{
    return fmt::format("cat {}/status", guest_job_folder);
}

} // namespace runner
