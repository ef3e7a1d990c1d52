// What a stream of bytes is, known by its beginning and never by its name.
#pragma once

#include <string_view>

namespace image_cache {

enum class Content { disk, gzip, bzip2, xz, zstd, zip, tar, vmdk, vdi, vhd, vhdx };

// `head` is the beginning, 512 bytes or the whole. What is not known is a disk's first bytes: raw or qcow2.
Content content_of(std::string_view head);

// "gzip"; for messages and records.
std::string_view to_string(Content content);

// Something that holds the disk, to be unpacked while it comes.
bool is_packed(Content content);
// Another program's disk, to be converted once it is there.
bool is_foreign_disk(Content content);

} // namespace image_cache
