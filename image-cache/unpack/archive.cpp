// The one disk in a container, by libarchive: while it comes, so only what lies in order in the stream
// counts.
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <ctx/base/text.hpp>

#include "decoders.hpp"

namespace image_cache {

using ctx::Blame;
using ctx::Error;

namespace {

struct FreeArchive {
    void operator()(archive* handle) const { archive_read_free(handle); }
};

class ArchiveReader {
public:
    ArchiveReader(Channel& input, DecoderOutput output, const DecoderLimits& limits)
        : input_(input), output_(output), limits_(limits)
    {
        archive_read_support_format_tar(handle_.get());
        archive_read_support_format_zip_streamable(handle_.get());
        archive_read_set_read_callback(handle_.get(), next_block);
        archive_read_set_callback_data(handle_.get(), this);
        check(archive_read_open1(handle_.get()));
    }

    void unpack_disk()
    {
        archive_entry* entry = nullptr;
        while (next(entry)) {
            const std::string name = name_of(entry);
            if (is_companion(entry, name)) continue;
            if (disk_)
                throw Error(Blame::user, "the archive holds more than one file")
                    .because(fmt::format("'{}' and '{}'", ctx::printable(*disk_), ctx::printable(name)))
                    .mend("unpack it and import the disk: vmbatch image import FILE");
            disk_ = name;
            unpack(entry);
        }
        if (!disk_)
            throw Error(Blame::user, "the archive holds no disk")
                .mend("see whether the address is the right one");
    }

private:
    // Called by libarchive, a C library: no exception may pass through it.
    static la_ssize_t next_block(archive* handle, void* self, const void** block)
    {
        auto& reader = *static_cast<ArchiveReader*>(self);
        try {
            reader.current_ = reader.input_.pop();
        } catch (...) {
            reader.failure_ = std::current_exception();
            archive_set_error(handle, EIO, "stopped");
            return -1;
        }
        if (!reader.current_) return 0;
        *block = reader.current_->bytes().data();
        return static_cast<la_ssize_t>(reader.current_->bytes().size());
    }

    void check(la_ssize_t status)
    {
        if (failure_) std::rethrow_exception(failure_);
        if (status >= ARCHIVE_WARN) return;
        const char* why = archive_error_string(handle_.get());
        const Content content =
            archive_format(handle_.get()) == ARCHIVE_FORMAT_ZIP ? Content::zip : Content::tar;
        throw damaged_stream(content, why != nullptr ? ctx::printable(why) : "libarchive does not say why");
    }

    bool next(archive_entry*& entry)
    {
        const int status = archive_read_next_header(handle_.get(), &entry);
        if (status == ARCHIVE_EOF && !failure_) return false;
        check(status);
        return true;
    }

    static std::string name_of(archive_entry* entry)
    {
        const char* name = archive_entry_pathname(entry);
        return name != nullptr ? name : "";
    }

    // What stands beside a disk: folders, and in an OVA all that is no VMDK.
    bool is_companion(archive_entry* entry, const std::string& name)
    {
        if (archive_entry_filetype(entry) == S_IFDIR) return true;
        if (archive_entry_filetype(entry) != S_IFREG || archive_entry_hardlink(entry) != nullptr)
            throw Error(Blame::user, "the archive holds something that is no file")
                .at(ctx::printable(name))
                .mend("unpack it and import the disk: vmbatch image import FILE");
        if (name.ends_with(".ovf")) is_ova_ = true;
        return is_ova_ && !name.ends_with(".vmdk");
    }

    void unpack(archive_entry* entry)
    {
        if (archive_entry_size_is_set(entry) != 0) {
            const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
            if (size > limits_.largest_member)
                throw Error(Blame::node, "the disk in the archive is larger than images may be")
                    .because(fmt::format("{} bytes, and {} is the most", size, limits_.largest_member))
                    .mend("raise images.max_size if it is right");
            output_.sink.announce(size);
        }
        const void* block = nullptr;
        std::size_t count = 0;
        la_int64_t offset = 0;
        for (;;) {
            const int status = archive_read_data_block(handle_.get(), &block, &count, &offset);
            if (status == ARCHIVE_EOF && !failure_) break;
            check(status);
            fill_up_to(static_cast<std::uint64_t>(offset));
            output_.filler.put({static_cast<const char*>(block), count});
            written_ += count;
        }
        if (archive_entry_size_is_set(entry) != 0)
            fill_up_to(static_cast<std::uint64_t>(archive_entry_size(entry)));
    }

    // The holes of a sparse member.
    void fill_up_to(std::uint64_t offset)
    {
        static constexpr std::size_t step = 64 << 10;
        static const std::string zeros(step, '\0');
        while (written_ < offset) {
            const std::size_t count = std::min<std::uint64_t>(step, offset - written_);
            output_.filler.put(std::string_view(zeros).substr(0, count));
            written_ += count;
        }
    }

    Channel& input_;
    DecoderOutput output_;
    const DecoderLimits& limits_;
    Chunk current_;
    std::exception_ptr failure_;
    std::optional<std::string> disk_;
    std::uint64_t written_ = 0;
    bool is_ova_ = false;
    std::unique_ptr<archive, FreeArchive> handle_{archive_read_new()};
};

} // namespace

void unpack_archive(Channel& input, DecoderOutput output, const DecoderLimits& limits)
{
    ArchiveReader(input, output, limits).unpack_disk();
}

} // namespace image_cache
