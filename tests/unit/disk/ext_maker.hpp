// Ext file systems made by mke2fs, looked at by e2fsck, in a file.
#pragma once

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <ctx/base/error.hpp>
#include <ctx/base/fd.hpp>
#include <ctx/base/file.hpp>
#include <ctx/base/process.hpp>
#include <ctx/block_device.hpp>

#include "../temporary_directory.hpp"

// A file as a disk that can be changed.
class FileDisk : public ctx::BlockDevice {
public:
    explicit FileDisk(const std::filesystem::path& path)
        : file_(ctx::open_file(path, O_RDWR)), size_(std::filesystem::file_size(path))
    {
    }
    std::uint64_t size() const override { return size_; }
    void read(std::uint64_t offset, std::span<char> into) const override
    {
        ctx::require_within({.offset = offset, .size = into.size()}, size_);
        if (::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(into.size()))
            throw std::runtime_error("pread");
    }
    void write(std::uint64_t offset, std::span<const char> from) override
    {
        ctx::require_within({.offset = offset, .size = from.size()}, size_);
        if (::pwrite(file_.get(), from.data(), from.size(), static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(from.size()))
            throw std::runtime_error("pwrite");
    }
    void flush() override {}

private:
    ctx::Fd file_;
    std::uint64_t size_;
};

class ExtImage {
public:
    ExtImage(const std::vector<std::string>& options, std::uint64_t size)
    {
        ctx::write_file(path(), "", 0600);
        std::filesystem::resize_file(path(), size);
        std::vector<std::string> argv = {"/sbin/mke2fs", "-q", "-F"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(path().string());
        ctx::run_checked({.argv = argv}, soon());
    }

    std::filesystem::path path() const { return directory_ / "ext"; }

    // What e2fsck finds; "" if nothing.
    std::string faults() const
    {
        const ctx::ProcessResult result =
            ctx::run({.argv = {"/sbin/e2fsck", "-fn", path().string()}}, soon());
        return result.status.success() ? "" : result.output + result.error_output;
    }

    std::string debugfs(const std::string& command, bool writing = false) const
    {
        std::vector<std::string> argv = {"/sbin/debugfs", "-R", command, path().string()};
        if (writing) argv.insert(argv.begin() + 1, "-w");
        return ctx::run_checked({.argv = argv}, soon());
    }

private:
    static ctx::Deadline soon() { return ctx::Deadline::in(std::chrono::minutes(2)); }

    TemporaryDirectory directory_;
};
