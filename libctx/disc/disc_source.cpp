#include "disc/disc_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <variant>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <ctx/base/error.hpp>

namespace ctx {

namespace fs = std::filesystem;

namespace {

// libisofs.h hides struct iso_stream from C++, for a member is called `class`. This is its layout, as the
// header advises.
struct StreamLayout {
    IsoStreamIface* methods;
    int refcount;
    void* data;
};

// Any number libisofs gives to none of its own kinds of streams; with 0 it would go by addresses in memory.
constexpr unsigned stream_family = 0x564d42;

} // namespace

DiscSource::DiscSource(const DiscFile& file, ino_t number) : number_(number)
{
    if (const auto* text = std::get_if<std::string>(&file.content)) {
        text_ = *text;
        size_ = static_cast<off_t>(text_.size());
    } else {
        path_ = std::get<fs::path>(file.content);
        open_file();
    }
}

void DiscSource::open_file()
{
    // O_NONBLOCK: a FIFO in the place of a file must not stop us.
    fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd_ || ::fstat(fd_.get(), &info_) < 0)
        throw system_error("cannot read a file for the disc", path_.string(), errno, Blame::user);
    if (!S_ISREG(info_.st_mode))
        throw Error(Blame::user, "only regular files can go on a disc").at(path_.string());
    size_ = info_.st_size;
}

void DiscSource::require_unchanged() const
{
    if (path_.empty()) return;
    struct stat now{};
    if (::fstat(fd_.get(), &now) < 0)
        throw system_error("cannot read a file for the disc", path_.string(), errno);
    if (now.st_size != info_.st_size || now.st_mtim.tv_sec != info_.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != info_.st_mtim.tv_nsec)
        throw Error(Blame::user, "the file changed while it was put on a disc")
            .at(path_.string())
            .mend("try again when nobody writes to it");
}

void DiscSource::stream_to(const std::function<void(std::string_view)>& take)
{
    if (path_.empty()) {
        if (!text_.empty()) take(text_);
        return;
    }
    std::vector<char> buffer(1 << 18);
    for (at_ = 0; at_ < size_;) {
        const int count = read(buffer.data(), buffer.size());
        if (count < 0)
            throw system_error("cannot read a file for the disc", path_.string(), errno, Blame::user);
        if (count == 0) break; // shorter than it was: require_unchanged() says so
        take({buffer.data(), static_cast<std::size_t>(count)});
    }
}

DiscSource& DiscSource::of(IsoStream* stream)
{
    return *static_cast<DiscSource*>(reinterpret_cast<StreamLayout*>(stream)->data);
}

int DiscSource::read(void* buffer, std::size_t count)
{
    count = std::min(count, static_cast<std::size_t>(size_ - at_));
    if (path_.empty()) {
        std::memcpy(buffer, text_.data() + at_, count);
    } else {
        ssize_t got = 0;
        do got = ::pread(fd_.get(), buffer, count, at_);
        while (got < 0 && errno == EINTR);
        if (got < 0) return static_cast<int>(ISO_FILE_READ_ERROR);
        count = static_cast<std::size_t>(got);
    }
    at_ += static_cast<off_t>(count);
    return static_cast<int>(count);
}

IsoStreamIface& DiscSource::methods()
{
    static IsoStreamIface table = [] {
        IsoStreamIface made{};
        made.version = 2;
        std::memcpy(made.type, "user", sizeof made.type);
        made.open = [](IsoStream* stream) {
            of(stream).at_ = 0;
            return ISO_SUCCESS;
        };
        made.close = [](IsoStream*) { return ISO_SUCCESS; };
        made.get_size = [](IsoStream* stream) { return of(stream).size_; };
        made.read = [](IsoStream* stream, void* buffer, std::size_t count) {
            return of(stream).read(buffer, count);
        };
        made.is_repeatable = [](IsoStream*) { return 1; };
        made.get_id = [](IsoStream* stream, unsigned* file_system, dev_t* device, ino_t* inode) {
            *file_system = stream_family;
            *device = 0;
            *inode = of(stream).number_;
        };
        made.free = [](IsoStream*) {}; // the source is not libisofs'
        made.update_size = [](IsoStream*) { return ISO_SUCCESS; };
        made.get_input_stream = [](IsoStream*, int) -> IsoStream* { return nullptr; };
        return made;
    }();
    return table;
}

IsoStreamHandle DiscSource::stream()
{
    // libisofs free()s it.
    auto* const layout = static_cast<StreamLayout*>(std::malloc(sizeof(StreamLayout)));
    if (layout == nullptr) throw std::bad_alloc();
    *layout = {&methods(), 1, this};
    return IsoStreamHandle(reinterpret_cast<IsoStream*>(layout));
}

} // namespace ctx
