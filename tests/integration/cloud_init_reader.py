"""What cloud-init's own code makes of a disc. Called by test_cloud_init.py in a process of its own:
cloud_init_reader.py SOURCE DISC MAC; prints JSON.

The machine is kept out of it: devices are the disc alone, by what blkid says of it; mounting is another tool's
extraction, for which neither root nor a loop device is needed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from cloudinit import dmi, helpers, net, util
from cloudinit.net import eni, network_state
from cloudinit.sources import DataSourceConfigDrive, DataSourceNoCloud, DataSourceOpenNebula
from cloudinit.user_data import UserDataProcessor

SOURCES = {"NoCloud": DataSourceNoCloud.DataSourceNoCloud, "ConfigDrive": DataSourceConfigDrive.DataSourceConfigDrive,
           "OpenNebula": DataSourceOpenNebula.DataSourceOpenNebula}
DEVICE = "/dev/context-disc"

source, disc, mac = sys.argv[1:]
probed = subprocess.run(["/usr/sbin/blkid", "-p", "-o", "export", disc], check=True, capture_output=True, text=True).stdout


def find_devs_with(criteria=None, **_):
    return [DEVICE] if criteria is None or criteria in probed.splitlines() else []


def mount_cb(device, callback, data=None, **_):
    assert device == DEVICE
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["xorriso", "-osirrox", "on", "-indev", disc, "-extract", "/", folder], check=True,
                       capture_output=True)
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=True)
        return callback(folder) if data is None else callback(folder, data)


util.find_devs_with, util.mount_cb = find_devs_with, mount_cb
dmi.read_dmi_data = lambda _: None
util.get_cmdline = lambda: ""
DataSourceOpenNebula.switch_user_cmd = lambda _: []
net.get_interfaces_by_mac = lambda: {mac: "eth0"}
net.find_fallback_nic = lambda *_, **__: "eth0"


class Distro:
    """As much of one as the sources ask for."""
    name = "debian"

    def __getattr__(self, name):
        return lambda *_, **__: None


def rendered(config):
    """As Debian's ifupdown gets it."""
    state = network_state.parse_net_config_data(config)
    with tempfile.TemporaryDirectory() as folder:
        eni.Renderer({"eni_path": "interfaces", "eni_header": None, "links_path_prefix": None,
                      "netrules_path": None}).render_network_state(state, target=folder)
        return (Path(folder) / "interfaces").read_text()


with tempfile.TemporaryDirectory() as state:
    paths = helpers.Paths({"cloud_dir": state, "run_dir": state})
    reader = SOURCES[source]({"datasource": {source: {"parseuser": "root"}}}, Distro(), paths)
    found = reader.get_data()
    said = {"found": bool(found)}
    if found:
        message = UserDataProcessor(paths).process(reader.get_userdata_raw())
        said |= {
            "instance_id": reader.get_instance_id(),
            "hostname": reader.metadata.get("local-hostname"),
            "user_data": util.decode_binary(reader.get_userdata_raw()),
            "vendor_data": util.decode_binary(reader.get_vendordata_raw() or b""),
            "parts": [(part.get_content_type(), util.decode_binary(part.get_payload(decode=True)))
                      for part in message.walk() if not part.is_multipart()],
        }
        if source != "OpenNebula" and reader.network_config:
            said["interfaces"] = rendered(reader.network_config)
print(json.dumps(said))
