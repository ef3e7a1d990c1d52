// The names in a directory of a FAT volume: what a long one's entries say, put together, or the short one.
#pragma once

#include <string>
#include <string_view>

namespace ctx::fat {

class NameReader {
public:
    // An entry of a long name: they come last part first, right before the entry they belong to.
    void take_long(std::string_view entry);
    // The name of the entry that comes after them, as UTF-8.
    std::string take_name(std::string_view entry);
    void forget() { expected_ = 0, complete_ = false; }

private:
    std::u16string units_;
    unsigned expected_ = 0; // the number of the next part
    unsigned char sum_ = 0;
    bool complete_ = false;
};

// Without the blanks at its end. Bytes beyond ASCII, of which nobody knows the code page, become '_'.
std::string plain_text(std::string_view padded);

} // namespace ctx::fat
