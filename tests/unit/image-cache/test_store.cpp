#include <array>
#include <csignal>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "cache_fixture.hpp"

using namespace image_cache_tests;
using image_cache::Image;
using image_cache::Store;

namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder)
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename().string());
    return names;
}

std::filesystem::path metadata_of(const CacheFixture& here, const Image& image)
{
    return here.cache() / "images" / fmt::format("sha256-{}.json", image.digest);
}

// In a child of its own: its exit status.
int in_child(const std::function<int()>& work)
{
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = work();
        } catch (...) {
            code = 98;
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

} // namespace

TEST_CASE("store: an empty or missing cache lists nothing and makes nothing")
{
    const CacheFixture here;
    const Store store = here.store();
    CHECK(store.list().empty());
    CHECK(store.damage().empty());
    CHECK(says(error_of([&] { store.find("debian"); }), "image import FILE"));
    CHECK_FALSE(std::filesystem::exists(here.cache()));
}

TEST_CASE("lease: keeps an image from removal until it is released")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {.alias = "a"}).image;
    store.lease(image, "69[2].server.example");
    store.lease(image, "69[2].server.example");
    store.lease(image, "70");
    CHECK(store.holders(image.digest) == std::vector<std::string>{"69[2].server.example", "70"});
    const auto error = error_of([&] { store.remove(image); });
    REQUIRE(error);
    CHECK(error->blame() == ctx::Blame::user);
    CHECK(says(error, "69[2].server.example"));
    CHECK(store.find("a").digest == image.digest);

    store.release(image.digest, "69[2].server.example");
    store.release(image.digest, "69[2].server.example");
    CHECK(says(error_of([&] { store.remove(image); }), "leased by 70"));
    store.release(image.digest, "70");
    store.remove(image);
    CHECK_FALSE(std::filesystem::exists(image.path));
    CHECK(names_in(here.cache() / "images").empty());
    CHECK(names_in(here.cache() / "aliases").empty());
    CHECK(names_in(here.cache() / "leases").empty());
    CHECK(std::filesystem::exists(here.cache() / "lock"));
}

TEST_CASE("lease: of an image removed meanwhile fails and leaves no lease")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {}).image;
    here.store().remove(image);
    const auto error = error_of([&] { store.lease(image, "71"); });
    REQUIRE(error);
    CHECK(error->blame() == ctx::Blame::node);
    CHECK(says(error, "removed meanwhile"));
    CHECK(store.holders(image.digest).empty());
    CHECK_NOTHROW(store.release(image.digest, "71"));
}

TEST_CASE("lease: a holder is a job's id, a digest a digest")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {}).image;
    for (const char* holder : {"", "../x", "a/b", ".hidden", "a\nb"}) {
        INFO(holder);
        CHECK(says(error_of([&] { store.lease(image, holder); }), "not a job's id"));
        CHECK(says(error_of([&] { store.release(image.digest, holder); }), "not a job's id"));
    }
    CHECK(says(error_of([&] { store.release("../../etc", "1"); }), "not an image's digest"));
    CHECK(says(error_of([&] { store.holders("../../etc"); }), "not an image's digest"));
}

TEST_CASE("remove: a name alone leaves the image")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {.alias = "debian"}).image;
    CHECK(says(error_of([&] { store.remove_alias("debain"); }), "did you mean `debian`"));
    store.remove_alias("debian");
    CHECK(says(error_of([&] { store.find("debian"); }), "no such image"));
    CHECK(store.find(image.digest).aliases.empty());
}

TEST_CASE("find: a beginning that several images share is refused")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {}).image;
    std::string twin = image.digest;
    twin.back() = twin.back() == '0' ? '1' : '0';
    std::filesystem::copy_file(image.path, here.cache() / "images" / fmt::format("sha256-{}.raw", twin));
    CHECK(says(error_of([&] { store.find(image.digest.substr(0, 12)); }), "several images begin like this"));
    CHECK(store.find(image.digest).digest == image.digest);
}

TEST_CASE("verify: a changed image is found out")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(200000)), {.alias = "a"}).image;
    REQUIRE(::chmod(image.path.c_str(), 0644) == 0);

    SECTION("in its content")
    {
        std::string bytes = noise(200000);
        bytes[150000] = static_cast<char>(bytes[150000] ^ 1);
        ctx::write_file(image.path, bytes, 0444);
        const auto error = error_of([&] { store.verify(store.find("a")); });
        REQUIRE(error);
        CHECK(error->blame() == ctx::Blame::node);
        CHECK(says(error, image.digest));
        CHECK(says(error, "its content is sha256:"));
    }
    SECTION("in its length, which lease and damage see, too")
    {
        REQUIRE(::truncate(image.path.c_str(), 1000) == 0);
        CHECK(says(error_of([&] { store.verify(store.find("a")); }), "has 1000 bytes"));
        CHECK(says(error_of([&] { store.lease(store.find("a"), "1"); }), "has 1000 bytes"));
        CHECK(store.holders(image.digest).empty());
        REQUIRE(store.damage().size() == 1);
        // The same content again mends it.
        CHECK_FALSE(store.import(here.file("a.raw"), {.alias = "a"}).was_cached);
        CHECK_NOTHROW(store.verify(store.find("a")));
    }
}

TEST_CASE("metadata: missing, the image tells itself")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(70000)), {.alias = "a"}).image;
    std::filesystem::remove(metadata_of(here, image));
    const Image found = store.find("a");
    CHECK(found.virtual_size == 70000);
    CHECK(found.source.empty());
    CHECK(found.imported > 0);
    CHECK(store.list().size() == 1);
    CHECK(store.damage().empty());
}

TEST_CASE("metadata: damaged, the error names the file and the remedy")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(70000)), {.alias = "a"}).image;
    const std::string good = ctx::read_file(metadata_of(here, image), 65536);
    const auto with = [&](std::string_view from, std::string_view to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    struct Damage {
        std::string content;
        std::string reason;
    };
    const std::vector<Damage> all = {
        {"", "no JSON object"},
        {std::string(4, '\0'), "no JSON object"},
        {good.substr(0, good.size() / 2), "no JSON object"},
        {"[1]", "no JSON object"},
        {std::string(100000, '['), "no JSON object"},
        {"{}", "`schema` is missing"},
        {with(R"("schema": 1)", R"("schema": 2)"), "its schema is 2"},
        {with(R"("schema": 1)", R"("schema": "1")"), "`schema` is no whole number"},
        {with("70000", "-1"), "is no whole number"},
        {with("70000", "1e99"), "is no whole number"},
        {with(R"("raw")", R"("vmdk")"), "neither raw nor qcow2"},
        {with(image.digest, std::string(64, 'a')), "another image"},
        {std::string(2 << 20, ' '), "too large"},
    };
    for (const Damage& damage : all) {
        INFO(damage.content.substr(0, 300));
        ctx::write_file(metadata_of(here, image), damage.content, 0644);
        const auto error = error_of([&] { store.find("a"); });
        REQUIRE(error);
        INFO(error->explain());
        CHECK(error->blame() == ctx::Blame::node);
        CHECK(says(error, damage.reason));
        CHECK(says(error, metadata_of(here, image).string()));
        CHECK(store.damage().size() == 1);
        REQUIRE(store.list().size() == 1);
        CHECK(store.list()[0].virtual_size == 70000);
    }
    // As the remedy says.
    std::filesystem::remove(metadata_of(here, image));
    CHECK_NOTHROW(store.verify(store.find("a")));
    // A later version's additions are no damage.
    ctx::write_file(metadata_of(here, image), with(R"("schema": 1)", R"("schema": 1, "later": [1])"), 0644);
    CHECK(store.find("a").source == here.file("a.raw"));
}

TEST_CASE("alias: a damaged one is told, hides no other, and is mended by giving the name again")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {.alias = "good"}).image;
    const auto broken = here.cache() / "aliases" / "broken.json";
    for (const char* content :
         {"nonsense", R"({"schema":1,"digest":"../../etc/passwd","since":0,"history":[]})",
          R"({"schema":1,"digest":"ab","since":0,"history":[]})"}) {
        ctx::write_file(broken, content, 0644);
        const auto error = error_of([&] { store.find("broken"); });
        CHECK(says(error, broken.string()));
        CHECK(says(error, "vmbatch image import FILE --name broken"));
    }
    CHECK(store.find("good").digest == image.digest);
    CHECK(store.damage().size() == 1);
    CHECK(store.import(here.file("a.raw"), {.alias = "broken"}).was_cached);
    CHECK(store.find("broken").digest == image.digest);
    CHECK(store.damage().empty());
}

TEST_CASE("alias: that stands for a removed image is told")
{
    const CacheFixture here;
    Store store = here.store();
    const Image image = store.import(here.write("a.raw", noise(4096)), {.alias = "a"}).image;
    std::filesystem::remove(image.path);
    CHECK(says(error_of([&] { store.find("a"); }), "no longer in the cache"));
    CHECK(store.damage().size() == 1);
    store.remove_alias("a");
    CHECK(store.damage().empty());
}

TEST_CASE("import: killed in the middle, the next one works and sweeps")
{
    const CacheFixture here;
    const std::string bytes = noise(48 << 20);
    const auto path = here.write("a.raw", bytes);
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // Stops within the copy: the first report is let pass, and the clock goes on so that the next one
        // comes.
        const auto stop_inside = [&](const image_cache::Progress& progress) {
            if (progress.done == 0) ::usleep(120000);
            if (progress.done == 0 || progress.done == progress.total) return;
            if (::write(ready[1], "x", 1) == 1)
                for (;;) ::pause();
        };
        here.store().import(path, {.alias = "a", .progress = stop_inside});
        ::_exit(0);
    }
    ::close(ready[1]);
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);

    Store store = here.store();
    CHECK(store.list().empty());
    REQUIRE(names_in(here.cache() / "images").size() == 1);
    // While its owner lives, nobody sweeps it.
    store.import(here.write("b.raw", noise(4096, 5)), {.alias = "b"});
    CHECK(names_in(here.cache() / "images").size() == 3);

    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    const Image image = store.import(path, {.alias = "a"}).image;
    CHECK_NOTHROW(store.verify(image));
    CHECK(names_in(here.cache() / "images").size() == 4);
    for (const std::string& name : names_in(here.cache() / "images")) CHECK(name.front() != '.');
}

TEST_CASE("import: metadata of no image and of a dead writer are swept")
{
    const CacheFixture here;
    Store store = here.store();
    store.import(here.write("a.raw", noise(4096)), {.alias = "a"});
    ctx::write_file(here.cache() / "images" / fmt::format("sha256-{}.json", std::string(64, '0')), "{}",
                    0644);
    ctx::write_file(here.cache() / "aliases" / ".b.json.abcdef", "{", 0644);
    ctx::write_file(here.cache() / "images" / "README", "an admin's own file stays", 0644);
    store.import(here.write("b.raw", noise(4096, 2)), {});
    CHECK(names_in(here.cache() / "aliases") == std::vector<std::string>{"a.json"});
    CHECK(names_in(here.cache() / "images").size() == 5);
}

TEST_CASE("import: of the records of sources only what a dead writer left is swept")
{
    const CacheFixture here;
    Store store = here.store();
    store.import(here.write("a.raw", noise(4096)), {});
    const auto sources = here.cache() / "sources";
    // Of a packed file, whose digest is no image's.
    const std::string packed = fmt::format("sha256-{}.json", std::string(64, '0'));
    ctx::write_file(sources / packed, "{}", 0644);
    ctx::write_file(sources / ".url-0.json.abcdef", "{", 0644);
    store.import(here.write("b.raw", noise(4096, 2)), {});
    CHECK(names_in(sources) == std::vector<std::string>{packed});
}

TEST_CASE("import: several processes at once publish one image")
{
    const CacheFixture here;
    const auto path = here.write("a.raw", noise(2 << 20));
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                here.store().import(path, {.alias = fmt::format("name{}", i)});
                ::_exit(0);
            } catch (...) {
                ::_exit(1);
            }
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    REQUIRE(here.store().list().size() == 1);
    CHECK(here.store().list()[0].aliases.size() == 6);
    CHECK(names_in(here.cache() / "images").size() == 2);
}

TEST_CASE("a cache that cannot be written still finds, verifies and leases")
{
    if (::geteuid() != 0) {
        WARN("skipped: only root can mount a directory read-only");
        return;
    }
    const CacheFixture here;
    Store store = here.store();
    const auto path = here.write("a.raw", noise(4096));
    ::usleep(150000);
    const Image image = store.import(path, {.alias = "a"}).image;
    const int code = in_child([&] {
        const std::string cache = here.cache();
        if (::unshare(CLONE_NEWNS) < 0) return 77;
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return 77;
        if (::mount(cache.c_str(), cache.c_str(), nullptr, MS_BIND, nullptr) < 0) return 77;
        if (::mount(nullptr, cache.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) < 0)
            return 77;
        Store hits = here.store();
        if (hits.find("a").digest != image.digest || hits.list().size() != 1) return 1;
        hits.verify(hits.find("a"));
        hits.lease(hits.find("a"), "1");
        hits.release(image.digest, "1");
        if (!hits.import(path, {.alias = "a"}).was_cached) return 2;
        const auto error = error_of([&] { hits.import(here.write("b.raw", noise(4096, 2)), {}); });
        if (!says(error, "Read-only file system")) return 3;
        if (!error_of([&] { hits.remove(image); })) return 4;
        return 0;
    });
    if (code == 77) {
        WARN("skipped: mounting is not allowed here");
        return;
    }
    CHECK(code == 0);
}
