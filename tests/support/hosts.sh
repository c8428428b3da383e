# Sourced: `hosts_up N` makes N hosts out of network namespaces on one bridge, 10.77.X.1 … N with this machine as 10.77.X.254, and sets
# `hosts` and `hosts_mpirun` (MPICH's launcher, which enters a namespace where it would log in). False where that is not permitted.
hosts_net=10.77.$(($$ % 250)) hosts_tag=mc$(($$ % 10000)) hosts=
hosts_down() {
  for i in $(seq "${hosts_count:-0}"); do ip netns del "$hosts_tag-$i" 2>/dev/null; done
  ip link del "$hosts_tag-br" 2>/dev/null
  true
}
hosts_up() {
  hosts_count=$1
  ip link add "$hosts_tag-br" type bridge 2>/dev/null && ip addr add "$hosts_net.254/24" dev "$hosts_tag-br" && ip link set "$hosts_tag-br" up || return 1
  for i in $(seq "$1"); do
    ip netns add "$hosts_tag-$i" 2>/dev/null && ip link add "$hosts_tag-v$i" type veth peer name eth0 netns "$hosts_tag-$i" &&
      ip link set "$hosts_tag-v$i" master "$hosts_tag-br" up && ip -n "$hosts_tag-$i" addr add "$hosts_net.$i/24" dev eth0 &&
      ip -n "$hosts_tag-$i" link set eth0 up && ip -n "$hosts_tag-$i" link set lo up || return 1
    hosts=$hosts${hosts:+,}$hosts_net.$i
  done
  printf '#!/bin/sh\n# As ssh is called: -x HOST COMMAND…\n[ "$1" != -x ] || shift\nhost=$1; shift\nexec ip netns exec %s-"${host##*.}" sh -c "$*"\n' "$hosts_tag" >"$scratch/enter"
  chmod +x "$scratch/enter"
  # Over the wire, not through the memory that these hosts have in common.
  export UCX_TLS=tcp,self UCX_NET_DEVICES=eth0
  hosts_mpirun="mpirun.mpich -launcher ssh -launcher-exec $scratch/enter -localhost $hosts_net.254 -hosts $hosts"
}
