// CernVM 5: an ordinary kernel and cloud-init.
#include "check/model.hpp"

namespace ctx::check {

Guest cernvm5()
{
    return {.name = "cernvm5", .title = "CernVM 5", .stages = {cloud_init_stage()}};
}

} // namespace ctx::check
