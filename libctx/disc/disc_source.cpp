#include "disc/disc_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <variant>

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

// libisofs asks for 2 KiB at a time.
constexpr off_t most_ahead = 1 << 18;

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
    rewind();
    while (fill()) take(std::exchange(ahead_, {}));
    if (failure_ != 0)
        throw system_error("cannot read a file for the disc", path_.string(), failure_, Blame::user);
    release();
}

DiscSource& DiscSource::of(IsoStream* stream)
{
    return *static_cast<DiscSource*>(reinterpret_cast<StreamLayout*>(stream)->data);
}

void DiscSource::rewind()
{
    at_ = 0;
    failure_ = 0;
    ahead_ = text_;
}

void DiscSource::release()
{
    ahead_ = {};
    buffer_.reset();
}

// That there is something ahead. There is nothing at the end, though that may have come sooner than it should
// (require_unchanged() says so), and after a failure.
bool DiscSource::fill()
{
    if (!ahead_.empty()) return true;
    if (path_.empty() || at_ == size_ || failure_ != 0) return false;
    if (!buffer_) buffer_.emplace(most_ahead);
    const auto count = static_cast<std::size_t>(std::min<off_t>(size_ - at_, most_ahead));
    ssize_t got = 0;
    do got = ::pread(fd_.get(), buffer_->data(), count, at_);
    while (got < 0 && errno == EINTR);
    if (got < 0) failure_ = errno;
    if (got <= 0) return false;
    at_ += got;
    ahead_ = {buffer_->data(), static_cast<std::size_t>(got)};
    return true;
}

int DiscSource::read(char* buffer, std::size_t count)
{
    std::size_t done = 0;
    while (done < count && fill()) {
        const std::size_t piece = ahead_.copy(buffer + done, count - done);
        ahead_.remove_prefix(piece);
        done += piece;
    }
    return failure_ == 0 ? static_cast<int>(done) : static_cast<int>(ISO_FILE_READ_ERROR);
}

IsoStreamIface& DiscSource::methods()
{
    static IsoStreamIface table = [] {
        IsoStreamIface made{};
        made.version = 2;
        std::memcpy(made.type, "user", sizeof made.type);
        made.open = [](IsoStream* stream) {
            of(stream).rewind();
            return ISO_SUCCESS;
        };
        made.close = [](IsoStream* stream) {
            of(stream).release();
            return ISO_SUCCESS;
        };
        made.get_size = [](IsoStream* stream) { return of(stream).size_; };
        made.read = [](IsoStream* stream, void* buffer, std::size_t count) {
            return of(stream).read(static_cast<char*>(buffer), count);
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
