#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <ctx/context.hpp>

namespace ctx {

namespace {

template <class T>
void append(std::vector<T>& base, const std::vector<T>& over)
{
    base.insert(base.end(), over.begin(), over.end());
}

// Replaces the element with the same name, keeping its place, else appends.
template <class T, class Name>
void replace_by(std::vector<T>& base, const std::vector<T>& over, Name name)
{
    for (const T& element : over) {
        const auto same = std::ranges::find(base, element.*name, name);
        if (same == base.end())
            base.push_back(element);
        else
            *same = element;
    }
}

template <class T>
void replace_if_there(std::optional<T>& base, const std::optional<T>& over)
{
    if (over) base = over;
}

void replace_if_there(std::string& base, const std::string& over)
{
    if (!over.empty()) base = over;
}

void replace_values(std::map<std::string, std::string>& base, const std::map<std::string, std::string>& over)
{
    for (const auto& [name, value] : over) base[name] = value;
}

// What is asked for later wins: a service may be on in a profile and off in a job.
void add_services(std::vector<std::string>& wanted, std::vector<std::string>& unwanted,
                  const std::vector<std::string>& over)
{
    for (const std::string& service : over) {
        std::erase(unwanted, service);
        if (std::ranges::find(wanted, service) == wanted.end()) wanted.push_back(service);
    }
}

} // namespace

Context merge(Context base, const Context& over)
{
    replace_if_there(base.hostname, over.hostname);
    replace_if_there(base.instance_id, over.instance_id);
    append(base.root_ssh_keys, over.root_ssh_keys);
    replace_by(base.users, over.users, &User::name);
    replace_by(base.directories, over.directories, &Directory::path);
    replace_by(base.files, over.files, &File::path);
    append(base.archives, over.archives);
    add_services(base.services.enable, base.services.disable, over.services.enable);
    add_services(base.services.disable, base.services.enable, over.services.disable);
    replace_if_there(base.network.fixed, over.network.fixed);
    replace_if_there(base.share, over.share);
    replace_by(base.mounts, over.mounts, &Mount::target);
    append(base.commands, over.commands);
    replace_values(base.environment, over.environment);
    append(base.cernvm.organisations, over.cernvm.organisations);
    append(base.cernvm.repositories, over.cernvm.repositories);
    replace_if_there(base.cernvm.proxy, over.cernvm.proxy);
    replace_values(base.cernvm.bootloader, over.cernvm.bootloader);
    for (const auto& [section, keys] : over.cernvm.amiconfig)
        replace_values(base.cernvm.amiconfig[section], keys);
    replace_if_there(base.host_key, over.host_key);
    replace_if_there(base.ready, over.ready);
    return base;
}

} // namespace ctx
