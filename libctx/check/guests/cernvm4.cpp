// CernVM 4: no HEPiX and no second scan. amiconfig and cloud-init read what the boot loader stored, and start
// only if there is something.
#include "check/model.hpp"

namespace ctx::check {

Guest cernvm4()
{
    Stage cloud = cloud_init_stage();
    cloud.listens_to = "boot loader";
    cloud.only_after = true;
    return {
        .name = "cernvm4",
        .title = "CernVM 4",
        .scratch = Scratch::ucernvm,
        .stages = {ucernvm_boot_loader(), amiconfig("boot loader"), cloud},
        .deaf_to = {Obeys::hepix_scripts, Obeys::root_key_variables},
    };
}

} // namespace ctx::check
