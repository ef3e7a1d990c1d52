// cloud-init finds no data of ours in a guest told by its disk: it would look for some, over the network too,
// and then make the guest as its own defaults say.
#include <string>

#include "edit/plan_parts.hpp"

namespace ctx {

namespace {

// It works, but asks nobody and undoes nothing: the root file system still grows, say.
constexpr const char* carry_on = "# The disk was contextualized by VmBatch.\n"
                                 "datasource_list: [None]\n"
                                 "preserve_hostname: true\n"
                                 "manage_etc_hosts: false\n"
                                 "disable_root: false\n"
                                 "ssh_deletekeys: false\n"
                                 "ssh_genkeytypes: []\n"
                                 "users: []\n"
                                 "network: {config: disabled}\n";

} // namespace

void plan_cloud_init(EditPlan& plan, const GuestFacts& facts, CloudInit what)
{
    if (!facts.has_cloud_init) return;
    if (what == CloudInit::off)
        add(plan, "cloud-init off", edit::WriteFile{"/etc/cloud/cloud-init.disabled", std::string()});
    else
        add(plan, "cloud-init undoes nothing",
            edit::WriteFile{"/etc/cloud/cloud.cfg.d/99-vmbatch.cfg", std::string(carry_on)});
}

} // namespace ctx
