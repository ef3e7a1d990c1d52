#include "domain.hpp"

#include <chrono>
#include <thread>

#include <nlohmann/json.hpp>

namespace runner {

using namespace std::chrono_literals;
using nlohmann::json;

std::string Domain::details() const
{
    return json{{"uuid", spec.uuid}, {"name", spec.name}}.dump();
}

std::string Domain::make() const
{
    hypervisor->start(spec, deadline);
    return spec.uuid;
}

void Domain::remove(const std::string& details, Hypervisor& hypervisor, const ctx::Deadline& deadline)
{
    const std::string uuid = json::parse(details).at("uuid");
    if (hypervisor.destroy(uuid, deadline)) return;
    // Whoever asked libvirt to start it may have been killed a moment ago, and libvirt may still be on its
    // way: such a guest shows up within milliseconds.
    std::this_thread::sleep_for(300ms);
    hypervisor.destroy(uuid, deadline);
}

} // namespace runner
