#include "check/model.hpp"

namespace ctx::check {

const std::vector<Guest>& guests()
{
    static const std::vector<Guest> all = {cernvm2(), cernvm3(),       cernvm4(),
                                           cernvm5(), cloud_init_07(), cloud_init()};
    return all;
}

} // namespace ctx::check
