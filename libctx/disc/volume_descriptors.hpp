// What a disc's first sectors say of it.
#pragma once

namespace ctx {

struct VolumeDescriptors {
    bool iso9660 = false;
    bool joliet = false;
    bool rock_ridge = false;
};

VolumeDescriptors read_volume_descriptors(int fd);

} // namespace ctx
