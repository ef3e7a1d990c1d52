// Owners of libisofs' handles, and its error codes as ctx::Error.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

// Makes libisofs.h declare burn_source itself, which else comes from libburn's header.
#define LIBISOFS_WITHOUT_LIBBURN 1 // NOLINT(cppcoreguidelines-macro-usage)
#include <libisofs/libisofs.h>

#include <ctx/base/error.hpp>

namespace ctx {

struct FreeIsoImage {
    void operator()(IsoImage* image) const { iso_image_unref(image); }
};
using IsoImageHandle = std::unique_ptr<IsoImage, FreeIsoImage>;

struct FreeIsoWriteOpts {
    void operator()(IsoWriteOpts* options) const { iso_write_opts_free(options); }
};
using IsoWriteOptsHandle = std::unique_ptr<IsoWriteOpts, FreeIsoWriteOpts>;

// Cancelling first: the thread that makes the image may still be running. After the image's end it does
// nothing.
struct FreeBurnSource {
    void operator()(burn_source* source) const
    {
        if (source->read == nullptr && source->cancel != nullptr) source->cancel(source);
        source->free_data(source);
        std::free(source); // libisofs' own allocation
    }
};
using BurnSourceHandle = std::unique_ptr<burn_source, FreeBurnSource>;

struct FreeIsoStream {
    void operator()(IsoStream* stream) const { iso_stream_unref(stream); }
};
using IsoStreamHandle = std::unique_ptr<IsoStream, FreeIsoStream>;

struct FreeIsoDataSource {
    void operator()(IsoDataSource* source) const { iso_data_source_unref(source); }
};
using IsoDataSourceHandle = std::unique_ptr<IsoDataSource, FreeIsoDataSource>;

struct FreeIsoReadOpts {
    void operator()(IsoReadOpts* options) const { iso_read_opts_free(options); }
};
using IsoReadOptsHandle = std::unique_ptr<IsoReadOpts, FreeIsoReadOpts>;

struct FreeIsoFilesystem {
    void operator()(IsoFilesystem* filesystem) const { iso_filesystem_unref(filesystem); }
};
using IsoFilesystemHandle = std::unique_ptr<IsoFilesystem, FreeIsoFilesystem>;

struct FreeIsoFileSource {
    void operator()(IsoFileSource* source) const { iso_file_source_unref(source); }
};
using IsoFileSourceHandle = std::unique_ptr<IsoFileSource, FreeIsoFileSource>;

// Once per process, before anything else of libisofs: nothing is printed, names are UTF-8 whatever the
// locale.
void start_libisofs();

// libisofs answers negative numbers for failures.
inline int iso_checked(int result, const char* what, const std::string& place)
{
    if (result < 0) throw Error(Blame::node, what).at(place).because(iso_error_to_msg(result));
    return result;
}

} // namespace ctx
