#include "domain_xml.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <pugixml.hpp>

#include <ctx/base/error.hpp>

#include "../../guest/ready_channel.hpp"

namespace runner::qemu {

using pugi::xml_node;

namespace {

xml_node child(xml_node parent, const char* name)
{
    const xml_node found = parent.child(name);
    return found ? found : parent.append_child(name);
}

void set_text(xml_node parent, const char* name, const std::string& text)
{
    child(parent, name).text().set(text.c_str());
}

xml_node append(xml_node parent, const char* name,
                std::initializer_list<std::pair<const char*, std::string>> attributes)
{
    xml_node node = parent.append_child(name);
    for (const auto& [key, value] : attributes) node.append_attribute(key).set_value(value.c_str());
    return node;
}

void set_attribute(xml_node node, const char* name, const std::string& value)
{
    pugi::xml_attribute attribute = node.attribute(name);
    if (!attribute) attribute = node.append_attribute(name);
    attribute.set_value(value.c_str());
}

void add_metadata(xml_node domain, const JobTag& tag)
{
    append(child(domain, "metadata"), "vmbatch:job",
           {{"xmlns:vmbatch", metadata_namespace},
            {"id", tag.job_id},
            {"nonce", tag.nonce},
            {"state-dir", tag.state_dir}});
}

// libvirt's system driver gives a guest's files, the shared base image too, to QEMU's user and never takes
// them back. A static label without relabelling leaves every file as we made it.
void add_security_label(xml_node domain, const GuestSpec& spec)
{
    xml_node label = append(domain, "seclabel", {{"type", "static"}, {"model", "dac"}, {"relabel", "no"}});
    set_text(label, "label", fmt::format("+{}:+{}", spec.uid, spec.gid));
}

void add_overlay(xml_node devices, const GuestSpec& spec)
{
    xml_node disk = append(devices, "disk", {{"type", "file"}, {"device", "disk"}});
    append(disk, "driver", {{"name", "qemu"}, {"type", "qcow2"}, {"cache", "unsafe"}, {"discard", "unmap"}});
    append(disk, "source", {{"file", spec.overlay.string()}});
    // Said in full: libvirt must neither probe the base's format nor look for a further backing file.
    xml_node backing = append(disk, "backingStore", {{"type", "file"}});
    append(backing, "format", {{"type", spec.base_format}});
    append(backing, "source", {{"file", spec.base.string()}});
    backing.append_child("backingStore");
    append(disk, "target", {{"dev", "vda"}, {"bus", "virtio"}});
}

bool has_scsi_controller(xml_node devices)
{
    const auto controllers = devices.children("controller");
    return std::any_of(controllers.begin(), controllers.end(), [](const xml_node& controller) {
        return controller.attribute("type").value() == std::string_view("scsi");
    });
}

// By the letter a drive's name begins with.
std::string bus_of(char letter)
{
    switch (letter) {
    case 'h': return "ide";
    case 's': return "scsi";
    default: return "virtio";
    }
}

// Where the guest looks for it. IDE unless the profile says otherwise: Debian's cloud kernel has no driver
// for AHCI, and HEPiX guests look at sr0 first. virtio knows no CDs: there it is a disk. Always read-only:
// µCernVM makes its cache of the first writable disk without partitions.
void add_disc(xml_node devices, const GuestSpec& spec)
{
    const std::string bus = bus_of(spec.disc_drive.front());
    if (bus == "scsi" && !has_scsi_controller(devices))
        append(devices, "controller", {{"type", "scsi"}, {"model", "virtio-scsi"}});
    const bool is_cd = spec.disc_is_cd && bus != "virtio";
    xml_node disk = append(devices, "disk", {{"type", "file"}, {"device", is_cd ? "cdrom" : "disk"}});
    append(disk, "driver", {{"name", "qemu"}, {"type", "raw"}});
    append(disk, "source", {{"file", spec.disc.string()}});
    append(disk, "target", {{"dev", spec.disc_drive}, {"bus", bus}});
    disk.append_child("readonly");
}

void add_interface(xml_node domain, xml_node devices, const GuestInterface& interface)
{
    if (const auto* bridge = std::get_if<BridgeInterface>(&interface)) {
        xml_node node = append(devices, "interface", {{"type", "bridge"}});
        append(node, "mac", {{"address", bridge->mac}});
        append(node, "source", {{"bridge", bridge->bridge}});
        append(node, "model", {{"type", "virtio"}});
        return;
    }
    // libvirt 9.0 cannot express a forwarded port of the user network, QEMU's own arguments can.
    const auto& forwarded = std::get<ForwardedInterface>(interface);
    set_attribute(domain, "xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0");
    xml_node arguments = domain.append_child("qemu:commandline");
    for (const std::string& argument :
         {std::string("-netdev"),
          fmt::format("user,id=vmbatch0,hostfwd=tcp:127.0.0.1:{}-:22", forwarded.port),
          std::string("-device"),
          fmt::format("virtio-net-pci,netdev=vmbatch0,mac={},addr=0x10,romfile=", forwarded.mac)})
        append(arguments, "qemu:arg", {{"value", argument}});
}

// A terminal, at which somebody may sit down; all that comes is written down besides.
void add_console(xml_node devices, const GuestSpec& spec)
{
    xml_node serial = append(devices, "serial", {{"type", "pty"}});
    append(serial, "log", {{"file", spec.console.string()}, {"append", "on"}});
    append(serial, "target", {{"port", "0"}});
}

void add_channel(xml_node devices, const GuestSpec& spec)
{
    if (spec.channel.empty()) return;
    xml_node channel = append(devices, "channel", {{"type", "unix"}});
    append(channel, "source", {{"mode", "bind"}, {"path", spec.channel.string()}});
    append(channel, "target", {{"type", "virtio"}, {"name", ready_channel}});
}

} // namespace

std::string fill_domain_xml(std::string_view domain_template, const std::string& template_name,
                            const GuestSpec& spec, Accel accel)
{
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(domain_template.data(), domain_template.size());
    xml_node domain = document.child("domain");
    if (!parsed || !domain)
        throw ctx::Error(ctx::Blame::node, "the domain template is no libvirt domain")
            .at(template_name)
            .because(parsed ? "its outermost element is not <domain>" : parsed.description());

    set_attribute(domain, "type", accel == Accel::kvm ? "kvm" : "qemu");
    set_text(domain, "name", spec.name);
    set_text(domain, "uuid", spec.uuid);
    add_metadata(domain, spec.tag);
    set_text(domain, "memory", fmt::format("{}", spec.memory >> 10));
    set_attribute(domain.child("memory"), "unit", "KiB");
    set_text(domain, "vcpu", fmt::format("{}", spec.vcpus));
    if (!domain.child("cpu"))
        append(domain, "cpu", {{"mode", accel == Accel::kvm ? "host-passthrough" : "maximum"}});
    add_security_label(domain, spec);
    xml_node devices = child(domain, "devices");
    add_overlay(devices, spec);
    add_disc(devices, spec);
    add_interface(domain, devices, spec.interface);
    add_console(devices, spec);
    add_channel(devices, spec);

    std::ostringstream text;
    document.save(text, "  ", pugi::format_default | pugi::format_no_declaration);
    return std::move(text).str();
}

std::vector<std::filesystem::path> disks_of(const std::string& domain_xml)
{
    pugi::xml_document document;
    document.load_string(domain_xml.c_str());
    std::vector<std::filesystem::path> files;
    for (const xml_node disk : document.child("domain").child("devices").children("disk")) {
        for (xml_node layer = disk; layer; layer = layer.child("backingStore")) {
            for (const char* name : {"file", "dev"}) {
                if (const auto path = layer.child("source").attribute(name)) files.emplace_back(path.value());
            }
        }
    }
    return files;
}

std::string console_of(const std::string& domain_xml)
{
    pugi::xml_document document;
    document.load_string(domain_xml.c_str());
    const xml_node serial =
        document.child("domain").child("devices").find_child_by_attribute("serial", "type", "pty");
    return serial.child("source").attribute("path").value();
}

std::optional<JobTag> read_tag(std::string_view metadata)
{
    pugi::xml_document document;
    if (!document.load_buffer(metadata.data(), metadata.size())) return std::nullopt;
    const xml_node job = document.first_child();
    JobTag tag{job.attribute("id").value(), job.attribute("nonce").value(),
               job.attribute("state-dir").value()};
    if (tag.job_id.empty() || tag.state_dir.empty()) return std::nullopt;
    return tag;
}

} // namespace runner::qemu
