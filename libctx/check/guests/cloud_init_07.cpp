// cloud-init 0.7, of images of 2014 to 2018: the labels of NoCloud and of the config drive in lower case
// only.
#include "check/model.hpp"

namespace ctx::check {

Guest cloud_init_07()
{
    Stage stage = cloud_init_stage();
    stage.formats[0].labels = {"cidata"};
    stage.formats[1].labels = {"config-2"};
    return {.name = "cloud-init-0.7", .title = "an old cloud image with cloud-init 0.7", .stages = {stage}};
}

} // namespace ctx::check
