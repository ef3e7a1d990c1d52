#include "job_context.hpp"

#include <set>

#include <ctx/base/error.hpp>
#include <ctx/context_file.hpp>

namespace runner {

namespace {

ctx::Context profile_context(const ContextParts& parts)
{
    if (!parts.profile.context_file) return {};
    const ctx::Variables variables = {{"job.id", parts.job.id},
                                      {"job.user", parts.job.user.name},
                                      {"job.uid", std::to_string(parts.job.user.uid)},
                                      {"job.hostname", parts.identity.hostname},
                                      {"profile", parts.profile.name}};
    return ctx::read_context(parts.profile.context_file->string(), variables, ctx::Blame::node);
}

} // namespace

ctx::Context job_context(const ContextParts& parts)
{
    ctx::Context base = profile_context(parts);
    if (base.hostname.empty()) base.hostname = parts.identity.hostname;
    base.mounts.insert(base.mounts.end(), parts.profile.mounts.begin(), parts.profile.mounts.end());

    ctx::Context job;
    job.instance_id = parts.identity.uuid;
    ctx::User user = parts.job.user;
    user.ssh_keys = {parts.keys.user_public_key};
    job.users.push_back(user);
    if (parts.profile.create_workdir) {
        const ctx::Owner owner{user.name, user.group.name};
        std::set<std::string> wanted(parts.job.directories.begin(), parts.job.directories.end());
        wanted.insert(parts.job.workdir);
        for (const std::string& directory : wanted)
            job.directories.push_back({.path = directory, .mode = 0755, .owner = owner});
    }
    job.files.push_back({.path = job_shim_place, .source = parts.job_shim, .mode = 0755});
    const ShareSettings& share = parts.share;
    job.share =
        ctx::Mount{.source = parts.profile.share_source.value_or(share.source) + "/" + parts.share_name,
                   .target = share.mount,
                   .type = share.type,
                   .options = share.options};
    job.environment = parts.profile.environment;
    job.host_key = parts.keys.host;
    job.ready = ctx::ReadyReport{.nonce = parts.nonce, .path = share.mount + "/ready", .user = user.name};

    ctx::Context whole = ctx::merge(std::move(base), job);
    try {
        ctx::check_context(whole);
    } catch (const ctx::Error& error) {
        // What the job brought has been checked before: what is wrong now is the profile's.
        throw ctx::Error(ctx::Blame::node, error.problem())
            .at(error.place())
            .because(error.reason())
            .mend("correct profile '" + parts.profile.name + "' or its context file");
    }
    return whole;
}

} // namespace runner
