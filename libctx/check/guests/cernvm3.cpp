// CernVM 3: the boot loader, then the userland of CernVM 2, which looks for the disc a second time.
#include "check/model.hpp"

namespace ctx::check {

Guest cernvm3()
{
    Stage cloud = cloud_init_stage();
    cloud.certain = false; // on, of an age nobody looked at
    return {
        .name = "cernvm3",
        .title = "CernVM 3",
        .scratch = Scratch::ucernvm,
        .stages = {ucernvm_boot_loader(), hepix(), amiconfig("HEPiX"), cloud},
    };
}

} // namespace ctx::check
