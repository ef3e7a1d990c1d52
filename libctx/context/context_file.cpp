#include <charconv>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <ctx/base/file.hpp>
#include <ctx/base/text.hpp>
#include <ctx/context_file.hpp>
#include <ctx/strict_toml.hpp>

#include "context/rules.hpp"

namespace ctx {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t greatest_id = std::numeric_limits<uid_t>::max() - 1;

class ContextReader {
public:
    ContextReader(const Variables& variables, Blame blame, fs::path folder)
        : variables_(variables), blame_(blame), folder_(std::move(folder))
    {
    }

    Context read(TomlReader root)
    {
        root.integer("schema", 1, 1);
        Context context;
        guest(context, root.table("guest"));
        root_keys(context, root.table("root"));
        for (TomlReader& table : root.tables("user")) context.users.push_back(user(table));
        for (TomlReader& table : root.tables("directory")) context.directories.push_back(directory(table));
        for (TomlReader& table : root.tables("file")) context.files.push_back(file(table));
        for (TomlReader& table : root.tables("archive")) context.archives.push_back(archive(table));
        services(context.services, root.table("services"));
        network(context.network, root.table("network"));
        if (root.has("share"))
            context.share = mount(root.table("share"), "mount");
        else
            root.table("share"); // known, for messages about mistyped keys
        for (TomlReader& table : root.tables("mount"))
            context.mounts.push_back(mount(std::move(table), "target"));
        for (TomlReader& table : root.tables("command")) context.commands.push_back(command(table));
        environment(context, root);
        cernvm(context.cernvm, root.table("cernvm"));
        root.finish();
        return context;
    }

private:
    using Rule = Problem (*)(std::string_view);

    std::string checked(const TomlReader& reader, std::string_view key, std::string_view text,
                        Rule rule) const
    {
        std::string value = substitute(text, variables_, blame_, reader.place(key));
        if (const Problem problem = rule(value)) throw reader.error(key, *problem);
        return value;
    }

    std::string required(TomlReader& reader, std::string_view key, Rule rule) const
    {
        return checked(reader, key, reader.text(key), rule);
    }

    std::string optional(TomlReader& reader, std::string_view key, const std::string& fallback,
                         Rule rule) const
    {
        const auto text = reader.maybe_text(key);
        return text ? checked(reader, key, *text, rule) : fallback;
    }

    std::vector<std::string> list(TomlReader& reader, std::string_view key, Rule rule) const
    {
        std::vector<std::string> result;
        for (const std::string& text : reader.texts(key)) result.push_back(checked(reader, key, text, rule));
        return result;
    }

    static mode_t mode(TomlReader& reader, mode_t fallback)
    {
        const auto text = reader.maybe_text("mode");
        if (!text) return fallback;
        unsigned value = 0;
        const char* const end = text->data() + text->size();
        const auto [rest, failure] = std::from_chars(text->data(), end, value, 8);
        if (failure != std::errc{} || rest != end || value > 07777)
            throw reader.error(
                "mode", fmt::format("'{}' is no mode; write it in octal, as \"0644\"", printable(*text)));
        return value;
    }

    std::optional<Owner> owner(TomlReader& reader) const
    {
        const auto text = reader.maybe_text("owner");
        if (!text) return std::nullopt;
        const std::string both = substitute(*text, variables_, blame_, reader.place("owner"));
        const std::size_t colon = both.find(':');
        if (colon == std::string::npos || wrong_owner_name(both.substr(0, colon)) ||
            wrong_owner_name(both.substr(colon + 1)))
            throw reader.error("owner",
                               fmt::format("'{}' is no owner: write \"user:group\", each a name or a number",
                                           printable(both)));
        return Owner{both.substr(0, colon), both.substr(colon + 1)};
    }

    fs::path source(TomlReader& reader) const
    {
        const fs::path path = folder_ / required(reader, "source", wrong_text);
        if (const Problem problem = wrong_source(path)) throw reader.error("source", *problem);
        return path;
    }

    void guest(Context& context, TomlReader reader) const
    {
        context.hostname = optional(reader, "hostname", "", wrong_host_name);
        reader.finish();
    }

    void root_keys(Context& context, TomlReader reader) const
    {
        context.root_ssh_keys = list(reader, "ssh_keys", wrong_ssh_key);
        reader.finish();
    }

    User user(TomlReader& reader) const
    {
        User user;
        user.name = required(reader, "name", wrong_user_name);
        user.uid = static_cast<uid_t>(reader.integer("uid", 0, greatest_id));
        user.group.gid = static_cast<gid_t>(reader.integer_or("gid", 0, greatest_id, user.uid));
        user.group.name = optional(reader, "group", user.name, wrong_user_name);
        for (TomlReader& table : reader.tables("groups")) user.groups.push_back(group(table));
        user.home =
            optional(reader, "home", user.uid == 0 ? "/root" : "/home/" + user.name, wrong_guest_path);
        user.shell = optional(reader, "shell", user.shell, wrong_guest_path);
        user.ssh_keys = list(reader, "ssh_keys", wrong_ssh_key);
        reader.finish();
        return user;
    }

    Group group(TomlReader& reader) const
    {
        Group group;
        group.name = required(reader, "name", wrong_user_name);
        group.gid = static_cast<gid_t>(reader.integer("gid", 0, greatest_id));
        reader.finish();
        return group;
    }

    Directory directory(TomlReader& reader) const
    {
        Directory directory;
        directory.path = required(reader, "path", wrong_guest_path);
        directory.mode = mode(reader, directory.mode);
        directory.owner = owner(reader).value_or(Owner{});
        reader.finish();
        return directory;
    }

    File file(TomlReader& reader) const
    {
        File file;
        file.path = required(reader, "path", wrong_guest_path);
        if (reader.has("content") == reader.has("source"))
            throw reader.error("", "a file has either 'content' or 'source'");
        const auto content = reader.maybe_text("content");
        if (content)
            file.content = substitute(*content, variables_, blame_, reader.place("content"));
        else
            file.source = source(reader);
        file.mode = mode(reader, file.mode);
        file.owner = owner(reader).value_or(Owner{});
        reader.maybe_text("source"); // a key of this table, whichever of the two was taken
        reader.finish();
        return file;
    }

    Archive archive(TomlReader& reader) const
    {
        Archive archive;
        archive.source = source(reader);
        archive.to = required(reader, "to", wrong_guest_path);
        archive.owner = owner(reader);
        reader.finish();
        return archive;
    }

    void services(Services& services, TomlReader reader) const
    {
        services.enable = list(reader, "enable", wrong_service_name);
        services.disable = list(reader, "disable", wrong_service_name);
        reader.finish();
    }

    void network(Network& network, TomlReader reader) const
    {
        const bool fixed = reader.one_of("mode", {"dhcp", "static"}, "dhcp") == "static";
        if (fixed) {
            StaticNetwork& values = network.fixed.emplace();
            values.mac = required(reader, "mac", wrong_mac);
            values.address = required(reader, "address", wrong_ipv4_network);
            values.gateway = optional(reader, "gateway", "", wrong_ipv4);
            values.dns = list(reader, "dns", wrong_ipv4);
        }
        for (const char* key : {"mac", "address", "gateway", "dns"}) {
            if (!fixed && reader.has(key)) throw reader.error(key, "is for mode = \"static\" only");
        }
        reader.finish();
    }

    // The share calls its target `mount`, for it is one itself.
    Mount mount(TomlReader reader, std::string_view target_key) const
    {
        Mount mount;
        mount.source = required(reader, "source", wrong_mount_source);
        mount.target = required(reader, target_key, wrong_mount_point);
        mount.type = optional(reader, "type", mount.type, wrong_mount_type);
        mount.options = optional(reader, "options", "", wrong_mount_options);
        reader.finish();
        return mount;
    }

    // Shell text, so ${…} in it is the shell's. Nothing is put into what root's shell runs.
    Command command(TomlReader& reader) const
    {
        Command command;
        const std::string when = reader.one_of("when", {"early", "late"}, "late");
        command.when = when == "early" ? Command::When::early : Command::When::late;
        command.run = reader.text("run");
        if (command.run.find_first_not_of(" \t\n") == std::string::npos)
            throw reader.error("run", "the command is empty");
        if (const Problem problem = wrong_text(command.run)) throw reader.error("run", *problem);
        for (const auto& entry : variables_) {
            if (command.run.find("${" + entry.first + "}") != std::string::npos)
                throw reader
                    .error("run", fmt::format("${{{}}} is not put into a command, which root's shell runs",
                                              entry.first))
                    .mend("put the value into a [[file]] and let the command read that");
        }
        reader.finish();
        return command;
    }

    void environment(Context& context, TomlReader& root) const
    {
        const TomlReader reader = root.table("environment");
        for (const auto& [name, text] : root.named_texts("environment")) {
            if (const Problem problem = wrong_environment_name(name)) throw reader.error(name, *problem);
            context.environment[name] = checked(reader, name, text, wrong_text);
        }
    }

    void cernvm(CernVm& cernvm, TomlReader reader) const
    {
        cernvm.organisations = list(reader, "organisations", wrong_cernvm_name);
        cernvm.repositories = list(reader, "repositories", wrong_cernvm_name);
        cernvm.proxy = optional(reader, "proxy", "", wrong_cernvm_proxy);
        for (const auto& [section, keys] : reader.named_tables("amiconfig"))
            cernvm.amiconfig[section] = amiconfig_section(keys, section);
        const TomlReader lines = reader.table("ucernvm");
        for (const auto& [key, text] : reader.named_texts("ucernvm")) {
            if (const Problem problem = wrong_environment_name(key)) throw lines.error(key, *problem);
            if (text.find("${job.") != std::string::npos)
                throw lines
                    .error(key, "nothing of a job is put into what the boot loader runs as root's shell")
                    .mend("write the value itself, or set another name with --set");
            cernvm.bootloader[key] = checked(lines, key, text, wrong_bootloader_value);
        }
        reader.finish();
    }

    std::map<std::string, std::string> amiconfig_section(TomlReader reader, const std::string& section) const
    {
        if (const Problem problem = wrong_amiconfig_name(section)) throw reader.error("", *problem);
        std::map<std::string, std::string> values;
        for (const auto& [key, text] : reader.texts()) {
            if (const Problem problem = wrong_amiconfig_name(key)) throw reader.error(key, *problem);
            if (const Problem problem = unwanted_amiconfig_key(section, key))
                throw reader.error(key, *problem);
            values[key] = checked(reader, key, text, wrong_amiconfig_value);
        }
        return values;
    }

    const Variables& variables_;
    Blame blame_;
    fs::path folder_;
};

} // namespace

Context parse_context(std::string_view text, const std::string& name, const Variables& variables, Blame blame)
{
    const TomlDocument document = parse_toml(text, name, blame);
    const fs::path folder = fs::absolute(name).parent_path();
    Context context = ContextReader(variables, blame, folder).read(TomlReader(document, blame));
    try {
        check_context(context);
    } catch (const Error& error) {
        throw Error(blame, error.problem())
            .at(fmt::format("{}: {}", name, error.place()))
            .mend(error.remedy());
    }
    return context;
}

Context read_context(const std::string& path, const Variables& variables, Blame blame)
{
    return parse_context(read_file(path, 1 << 20, blame), path, variables, blame);
}

} // namespace ctx
