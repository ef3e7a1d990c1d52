#include "metadata.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>

#include "inspect_file.hpp"
#include "strict_json.hpp"

namespace image_cache {

std::optional<Metadata> read_metadata(const Layout& layout, std::string_view digest)
{
    const std::optional<JsonRecord> record = JsonRecord::read(
        layout.metadata(digest),
        fmt::format("remove this file, the image does without it; then see whether the image "
                    "is still what it was: vmbatch image verify sha256:{}",
                    digest));
    if (!record) return std::nullopt;
    if (record->text("digest") != digest) record->damaged("it is about another image");
    const std::string format = record->text("format");
    if (format != "raw" && format != "qcow2") record->damaged("`format` is neither raw nor qcow2");
    return Metadata{.format = format == "raw" ? Format::raw : Format::qcow2,
                    .file_size = record->size("file_size"),
                    .virtual_size = record->size("virtual_size"),
                    .imported = record->time("imported"),
                    .source = record->text("source")};
}

void write_metadata(const Layout& layout, std::string_view digest, const Metadata& metadata)
{
    write_json(layout.metadata(digest), {{"digest", digest},
                                         {"format", to_string(metadata.format)},
                                         {"file_size", metadata.file_size},
                                         {"virtual_size", metadata.virtual_size},
                                         {"imported", metadata.imported},
                                         {"source", metadata.source}});
}

Metadata derive_metadata(const Layout& layout, const ImageFile& image)
{
    const std::filesystem::path path = layout.image(image.digest, image.format);
    const ctx::Fd fd = ctx::open_file(path, O_RDONLY);
    struct stat info{};
    if (::fstat(fd.get(), &info) < 0) throw ctx::system_error("cannot read", path.string(), errno);
    const auto size = static_cast<std::uint64_t>(info.st_size);
    return Metadata{.format = image.format,
                    .file_size = size,
                    .virtual_size = inspect_file(fd.get(), size, image.format, path.string()).virtual_size,
                    .imported = info.st_mtim.tv_sec,
                    .source = {}};
}

} // namespace image_cache
