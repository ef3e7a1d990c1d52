#include "metadata.hpp"

#include <cerrno>
#include <cmath>

#include <fcntl.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include <ctx/base/fd.hpp>
#include <image-cache/inspect_file.hpp>

#include "strict_json.hpp"

namespace image_cache {

namespace {

std::uint64_t milliseconds(double seconds)
{
    return static_cast<std::uint64_t>(std::llround(seconds * 1000));
}

double seconds(std::uint64_t milliseconds)
{
    return static_cast<double>(milliseconds) / 1000;
}

nlohmann::json to_json(const PullReport& report)
{
    return {{"url", report.url},
            {"final_url", report.final_url},
            {"verified", report.verified},
            {"packed_as", report.packed_as},
            {"bytes", report.bytes},
            {"resumed", report.resumed},
            {"wait_ms", milliseconds(report.wait_seconds)},
            {"fetch_ms", milliseconds(report.fetch_seconds)},
            {"publish_ms", milliseconds(report.publish_seconds)},
            {"failures", report.failures}};
}

PullReport read_pull(const JsonRecord& record)
{
    return {.url = record.text("url"),
            .final_url = record.text("final_url"),
            .verified = record.text("verified"),
            .packed_as = record.text("packed_as"),
            .bytes = record.size("bytes"),
            .resumed = record.size("resumed"),
            .wait_seconds = seconds(record.size("wait_ms")),
            .fetch_seconds = seconds(record.size("fetch_ms")),
            .publish_seconds = seconds(record.size("publish_ms")),
            .failures = record.texts("failures")};
}

} // namespace

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
                    .source = record->text("source"),
                    .pull = record->has("pull") ? std::optional(read_pull(record->object("pull")))
                                                : std::nullopt};
}

void write_metadata(const Layout& layout, std::string_view digest, const Metadata& metadata)
{
    nlohmann::json object = {{"digest", digest},
                             {"format", to_string(metadata.format)},
                             {"file_size", metadata.file_size},
                             {"virtual_size", metadata.virtual_size},
                             {"imported", metadata.imported},
                             {"source", metadata.source}};
    if (metadata.pull) object["pull"] = to_json(*metadata.pull);
    write_json(layout.metadata(digest), std::move(object));
}

void touch(const Layout& layout, std::string_view digest)
{
    static_cast<void>(::utimensat(AT_FDCWD, layout.metadata(digest).c_str(), nullptr, 0));
}

std::int64_t last_used(const Layout& layout, std::string_view digest)
{
    struct stat info{};
    return ::stat(layout.metadata(digest).c_str(), &info) == 0 ? info.st_mtim.tv_sec : 0;
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
