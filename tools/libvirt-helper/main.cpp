// libvirt-helper URI ping | start | running UUID | describe UUID | destroy UUID | list NAMESPACE
//
// One libvirt call a process: whoever starts it can kill a call that never returns, and no other program of
// ours has to load libvirt (10 ms). The answer is JSON on standard output; `start` reads the domain's XML
// from standard input.
//
// Exit 0: done; 1: libvirt refused, perhaps not the next time; 2: no connection, or it broke; 3: libvirt will
// never do what was asked for; 4: QEMU ended before it could run. The reason is on standard error.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;

struct FreeConnection {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
};
struct FreeDomain {
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};
struct FreeText {
    void operator()(char* text) const { std::free(text); }
};
using Connection = std::unique_ptr<virConnect, FreeConnection>;
using Domain = std::unique_ptr<virDomain, FreeDomain>;
using Text = std::unique_ptr<char, FreeText>;

// libvirt keeps its last message only until the next call, and closing a connection is one: it is taken when
// it is thrown.
struct Refused {
    std::string reason = virGetLastErrorMessage();
    int code = virGetLastErrorCode();
};
struct NotConnected {
    std::string reason = virGetLastErrorMessage();
};

Connection connect(const char* uri)
{
    Connection connection(virConnectOpen(uri));
    if (!connection) throw NotConnected();
    return connection;
}

// The domain, or nothing if there is none of that uuid.
Domain look_up(virConnectPtr connection, const std::string& uuid)
{
    Domain domain(virDomainLookupByUUIDString(connection, uuid.c_str()));
    if (!domain && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN) throw Refused();
    return domain;
}

// Made paused and set going by a call of its own: a guest whose making was cut off never ran, and its disk is
// as it was.
json start(virConnectPtr connection)
{
    const std::string xml{std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    const Domain domain(virDomainCreateXML(connection, xml.c_str(), VIR_DOMAIN_START_PAUSED));
    if (!domain || virDomainResume(domain.get()) < 0) throw Refused();
    return json::object();
}

json running(virConnectPtr connection, const std::string& uuid)
{
    const Domain domain = look_up(connection, uuid);
    return {{"running", domain != nullptr && virDomainIsActive(domain.get()) == 1}};
}

json describe(virConnectPtr connection, const std::string& uuid)
{
    const Domain domain = look_up(connection, uuid);
    const Text xml(domain ? virDomainGetXMLDesc(domain.get(), 0) : nullptr);
    return {{"xml", xml ? xml.get() : ""}};
}

json destroy(virConnectPtr connection, const std::string& uuid)
{
    const Domain domain = look_up(connection, uuid);
    if (!domain) return {{"found", false}};
    // A transient domain may end by itself in between.
    if (virDomainDestroy(domain.get()) < 0 && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN &&
        virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID)
        throw Refused();
    return {{"found", true}};
}

json list(virConnectPtr connection, const char* metadata_namespace)
{
    virDomainPtr* raw = nullptr;
    const int count = virConnectListAllDomains(connection, &raw, 0);
    if (count < 0) throw Refused();
    std::vector<Domain> domains;
    domains.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) domains.emplace_back(raw[i]);
    std::free(static_cast<void*>(raw));

    json found = json::array();
    for (const Domain& domain : domains) {
        const Text metadata(
            virDomainGetMetadata(domain.get(), VIR_DOMAIN_METADATA_ELEMENT, metadata_namespace, 0));
        if (!metadata) continue;
        std::string uuid(VIR_UUID_STRING_BUFLEN, '\0');
        if (virDomainGetUUIDString(domain.get(), uuid.data()) < 0) continue;
        uuid.resize(VIR_UUID_STRING_BUFLEN - 1);
        found.push_back(
            {{"uuid", uuid}, {"name", virDomainGetName(domain.get())}, {"metadata", metadata.get()}});
    }
    return {{"domains", found}};
}

// A request that is wrong stays wrong.
bool is_final(int code)
{
    switch (code) {
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_OS_TYPE:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_INVALID_ARG:
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_ACCESS_DENIED: return true;
    default: return false;
    }
}

// In libvirt's own words: it has no code for them.
bool qemu_ended(const std::string& reason)
{
    return reason.find("process exited while connecting to monitor") != std::string::npos ||
           reason.find("qemu unexpectedly closed the monitor") != std::string::npos;
}

int exit_code(const Refused& refused)
{
    if (is_final(refused.code)) return 3;
    return qemu_ended(refused.reason) ? 4 : 1;
}

json dispatch(virConnectPtr connection, const std::vector<std::string>& words)
{
    const std::string& verb = words[1];
    if (verb == "ping" && words.size() == 2) return json::object();
    if (verb == "start" && words.size() == 2) return start(connection);
    if (verb == "running" && words.size() == 3) return running(connection, words[2]);
    if (verb == "describe" && words.size() == 3) return describe(connection, words[2]);
    if (verb == "destroy" && words.size() == 3) return destroy(connection, words[2]);
    if (verb == "list" && words.size() == 3) return list(connection, words[2].c_str());
    std::cerr << "unknown call\n";
    std::exit(64); // NOLINT(concurrency-mt-unsafe): the only thread
}

json answer(const std::vector<std::string>& words)
{
    const Connection connection = connect(words[0].c_str());
    try {
        return dispatch(connection.get(), words);
    } catch (const Refused& refused) {
        // libvirtd ended in the middle of it: nothing was refused.
        if (virConnectIsAlive(connection.get()) == 1) throw;
        throw NotConnected{refused.reason};
    }
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 2) {
        std::cerr << "usage: libvirt-helper URI ping|start|running UUID|describe UUID|destroy UUID|list "
                     "NAMESPACE\n";
        return 64;
    }
    virSetErrorFunc(nullptr, [](void*, virErrorPtr) {}); // no second copy of each message
    try {
        std::cout << answer(words).dump() << '\n';
        return std::cout.flush() ? 0 : 1;
    } catch (const Refused& refused) {
        std::cerr << refused.reason << '\n';
        return exit_code(refused);
    } catch (const NotConnected& failure) {
        std::cerr << failure.reason << '\n';
        return 2;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
