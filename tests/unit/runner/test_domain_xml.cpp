#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <ctx/base/error.hpp>
#include <ctx/base/file.hpp>

#include "runner/hypervisor/qemu/domain_xml.hpp"

using runner::qemu::Accel;

namespace {

const std::string source_dir = VMBATCH_SOURCE_DIR;

runner::GuestSpec sample()
{
    runner::GuestSpec spec;
    spec.name = "vmbatch-69[2].server";
    spec.uuid = "5c6f38c1-8b93-8f1c-8f5e-0123456789ab";
    spec.tag = {"69[2].server", "00112233445566778899aabbccddeeff", "/state <&> dir"};
    spec.vcpus = 2;
    spec.memory = 1ULL << 30;
    spec.overlay = "/state/overlay.qcow2";
    spec.base = "/cache/base.qcow2";
    spec.base_format = "qcow2";
    spec.disc = "/state/context.iso";
    spec.console = "/state/console.log";
    spec.interface = runner::BridgeInterface{"br0", "52:54:00:01:02:03"};
    spec.uid = 64055;
    spec.gid = 104;
    return spec;
}

std::string fill(const runner::GuestSpec& spec, Accel accel)
{
    const std::string file = source_dir + "/templates/qemu.xml";
    return runner::qemu::fill_domain_xml(ctx::read_file(file, 1 << 20), file, spec, accel);
}

void check_golden(const std::string& name, const std::string& text)
{
    const std::string file = source_dir + "/tests/unit/golden/" + name;
    if (std::getenv("VMBATCH_UPDATE_GOLDEN") != nullptr) ctx::write_file(file, text, 0644);
    CHECK(text == ctx::read_file(file, 1 << 20));
}

} // namespace

TEST_CASE("the domain on a bridge, emulated, is the golden one")
{
    check_golden("domain-bridge-tcg.xml", fill(sample(), Accel::tcg));
}

TEST_CASE("the domain on QEMU's user network, with KVM, is the golden one")
{
    auto spec = sample();
    spec.interface = runner::ForwardedInterface{40022, "52:54:00:01:02:03"};
    check_golden("domain-user-kvm.xml", fill(spec, Accel::kvm));
}

TEST_CASE("the tag can be read back from the domain")
{
    const std::string xml = fill(sample(), Accel::tcg);
    const std::size_t begin = xml.find("<vmbatch:job");
    const auto tag = runner::qemu::read_tag(xml.substr(begin, xml.find("/>", begin) + 2 - begin));
    REQUIRE(tag);
    CHECK(tag->job_id == "69[2].server");
    CHECK(tag->state_dir == "/state <&> dir");
    CHECK_FALSE(runner::qemu::read_tag("<other/>"));
    CHECK_FALSE(runner::qemu::read_tag("not xml"));
}

TEST_CASE("a template that is no domain is refused by name")
{
    try {
        runner::qemu::fill_domain_xml("<network/>", "x.xml", sample(), Accel::tcg);
        FAIL("taken");
    } catch (const ctx::Error& error) {
        CHECK(std::string(error.what()) ==
              "the domain template is no libvirt domain: x.xml: its outermost element is not <domain>");
    }
}

TEST_CASE("the context disc is in the drive that the profile names")
{
    const auto with_drive = [](const std::string& drive, bool is_cd = true) {
        auto spec = sample();
        spec.disc_drive = drive;
        spec.disc_is_cd = is_cd;
        const std::string xml = fill(spec, Accel::tcg);
        const std::size_t begin = xml.rfind("<disk ", xml.find("/state/context.iso"));
        const bool has_controller = xml.find(R"(type="scsi" model="virtio-scsi")") != std::string::npos;
        return xml.substr(begin, xml.find("</disk>", begin) - begin) + (has_controller ? "controller" : "");
    };
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    const std::string ide = with_drive("hdc");
    CHECK((has(ide, R"(device="cdrom")") && has(ide, R"(dev="hdc" bus="ide")") && !has(ide, "controller")));
    const std::string scsi = with_drive("sda");
    CHECK(
        (has(scsi, R"(device="cdrom")") && has(scsi, R"(dev="sda" bus="scsi")") && has(scsi, "controller")));
    const std::string disk = with_drive("vdb");
    CHECK(
        (has(disk, R"(device="disk")") && has(disk, R"(dev="vdb" bus="virtio")") && has(disk, "<readonly")));
    // A vfat disk is none, wherever it is; a µCernVM would make its cache of it if it could write.
    const std::string vfat = with_drive("sda", false);
    CHECK((has(vfat, R"(device="disk")") && has(vfat, R"(dev="sda" bus="scsi")") && has(vfat, "<readonly")));
}

TEST_CASE("every disk of a domain is known, backing files and the template's own included")
{
    std::string text = ctx::read_file(source_dir + "/templates/qemu.xml", 1 << 20);
    text.insert(text.find("<devices>") + 9, R"(<disk type="block"><source dev="/dev/scratch"/></disk>)"
                                            R"(<disk type="network"><source name="pool/volume"/></disk>)");
    const auto disks =
        runner::qemu::disks_of(runner::qemu::fill_domain_xml(text, "x.xml", sample(), Accel::tcg));
    CHECK(disks == std::vector<std::filesystem::path>{"/dev/scratch", "/state/overlay.qcow2",
                                                      "/cache/base.qcow2", "/state/context.iso"});
}

TEST_CASE("a guest has a channel where it is to report by one")
{
    auto spec = sample();
    CHECK(fill(spec, Accel::tcg).find("<channel") == std::string::npos);
    spec.channel = "/state/ready.sock";
    const std::string xml = fill(spec, Accel::tcg);
    CHECK(xml.find("<source mode=\"bind\" path=\"/state/ready.sock\" />") != std::string::npos);
    CHECK(xml.find("<target type=\"virtio\" name=\"org.vmbatch.ready\" />") != std::string::npos);
}

TEST_CASE("the console of a running domain is where libvirt says")
{
    CHECK(runner::qemu::console_of("<domain><devices><serial type='file'/><serial type='pty'>"
                                   "<source path='/dev/pts/3'/></serial></devices></domain>") ==
          "/dev/pts/3");
    CHECK(runner::qemu::console_of(fill(sample(), Accel::tcg)).empty());
    CHECK(runner::qemu::console_of("").empty());
}
