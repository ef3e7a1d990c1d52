# shellcheck shell=bash disable=SC2154 # arguments.sh and tree.sh set what is not set here
# A bridge for guests, in a network namespace that has nothing else: no address of the machine can be reached.

make_network() {
    ip link set lo up
    ip link add vmbr0 type bridge stp_state 0 forward_delay 0
    ip address add "$net.1/24" dev vmbr0
    ip link set vmbr0 up
}

# DHCP only: no DNS, no route (there is nothing behind the bridge, and an error at once is better than a timeout).
start_dhcp() {
    mkdir -m 0700 /run/vmbatch-dhcp
    start dnsmasq /usr/sbin/dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 \
        --interface=vmbr0 --bind-interfaces --except-interface=lo \
        --dhcp-range="$net.50,$net.250,255.255.255.0,12h" --dhcp-authoritative --no-ping \
        --dhcp-option=option:router --dhcp-option=option:dns-server \
        --dhcp-leasefile=/run/vmbatch-dhcp/leases --pid-file= --user=root --log-dhcp --log-facility=-
}

dhcp_ready() { wait_for dnsmasq 'DHCP on vmbr0' udp_port_is_bound 67; }
