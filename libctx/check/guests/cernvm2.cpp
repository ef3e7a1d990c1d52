// CernVM 2: no µCernVM; what it does with further disks was not looked at.
#include "check/model.hpp"

namespace ctx::check {

Guest cernvm2()
{
    Stage cloud = cloud_init_stage();
    cloud.certain = false; // on, of an age nobody looked at
    return {
        .name = "cernvm2",
        .title = "CernVM 2",
        .scratch = Scratch::not_known,
        .stages = {hepix(), amiconfig("HEPiX"), cloud},
    };
}

} // namespace ctx::check
