#!/usr/bin/env bash
# A real SLURM of one node on this machine, for the tests: a partition `cpu` and a partition `gpu`
# with two generic resources that stand for GPUs.
#
#   one_node_slurm.sh start     set up and start munged, slurmctld and slurmd, all on loopback
#   one_node_slurm.sh stop      end them and remove the files of `start`
#   one_node_slurm.sh status    0 when it runs
#
# Exits with 3 and one line with the reason if it cannot run: no root, missing packages, or another
# configuration in /etc/slurm. Clients look only there, since Snakemake's executor removes SLURM_CONF
# from its environment.
set -euo pipefail

STATE=/run/one-node-slurm
ETC=/etc/slurm
MARK="# made by one_node_slurm.sh"
FILES="slurm.conf gres.conf task_prolog.sh"

cannot() {
    echo "no SLURM can be started here: $1" >&2
    exit 3
}

fail() {
    echo "error: $1" >&2
    tail -n 20 "$STATE"/*.log >&2 || true
    exit 1
}

check_machine() {
    [ "$(id -u)" = 0 ] || cannot "only root can"
    local program
    for program in slurmctld slurmd sbatch munged; do
        command -v "$program" >/dev/null || cannot "$program is missing (on Debian and Ubuntu: apt-get install slurm-wlm munge)"
    done
    local file
    for file in $FILES; do
        if [ -e "$ETC/$file" ] && ! grep -qF "$MARK" "$ETC/$file"; then
            cannot "$ETC/$file belongs to another SLURM"
        fi
    done
}

start_munge() {
    if munge -n </dev/null >/dev/null 2>&1; then
        return
    fi
    [ -s /etc/munge/munge.key ] || mungekey --create
    install -d -m 755 -o munge -g munge /run/munge
    runuser -u munge -- munged --pid-file="$STATE/munged.pid" ||
        fail "munged does not start"
}

configure() {
    local node memory file
    node="$(hostname -s)"
    memory="$(slurmd -C | sed -n 's/.*RealMemory=\([0-9]*\).*/\1/p')"
    mkdir -p "$ETC" "$STATE/state" "$STATE/spool"
    for file in $FILES; do
        echo "$MARK; one_node_slurm.sh stop takes it away" >"$ETC/$file"
    done
    cat >>"$ETC/slurm.conf" <<EOF
ClusterName=one-node
SlurmctldHost=$node(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge
MpiDefault=none
StateSaveLocation=$STATE/state
SlurmdSpoolDir=$STATE/spool
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/slurmd.pid
SlurmctldLogFile=$STATE/slurmctld.log
SlurmdLogFile=$STATE/slurmd.log
AccountingStorageType=accounting_storage/none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
TaskProlog=$ETC/task_prolog.sh
# SLURM checks the memory of jobs every second. This needs no control groups, which some machines that
# run tests lack.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
KillWait=5
# Tests ask about jobs that ended some time ago.
MinJobAge=3600
# Tests should not wait for a scheduler that is tuned for a large machine.
SchedulerParameters=sched_interval=5,batch_sched_delay=1,bf_interval=5
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc --all) RealMemory=$memory Gres=gpu:2
PartitionName=cpu Nodes=$node Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$node MaxTime=INFINITE State=UP
EOF
    echo "NodeName=$node Name=gpu File=/dev/null,/dev/zero" >>"$ETC/gres.conf"
    # No GPU is behind the resource, and a job that was given one refuses to do without.
    printf '%s\n' '#!/bin/sh' "$MARK; one_node_slurm.sh stop takes it away" \
        'echo unset SLURM_JOB_GPUS' 'echo unset SLURM_STEP_GPUS' >"$ETC/task_prolog.sh"
    chmod +x "$ETC/task_prolog.sh"
}

start() {
    check_machine
    if running; then
        return
    fi
    stop
    configure
    start_munge
    slurmctld -c || fail "slurmctld does not start"
    slurmd -c || fail "slurmd does not start"
    local waited
    for waited in $(seq 100); do
        kill -0 "$(cat "$STATE/slurmctld.pid")" 2>/dev/null || fail "slurmctld has ended"
        if [ "$(timeout 5 sinfo --noheader --partition cpu --format %t 2>/dev/null)" = idle ]; then
            return
        fi
        sleep 0.2
    done
    fail "the node is not idle after $((waited / 5)) s"
}

running() {
    timeout 10 scontrol ping 2>/dev/null | grep -q "is UP" && [ -e "$STATE/slurmd.pid" ]
}

end_process() {
    local pid
    pid="$(cat "$STATE/$1.pid" 2>/dev/null)" || return 0
    kill "$pid" 2>/dev/null || return 0
    local waited
    for waited in $(seq 50); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

stop() {
    if running; then
        timeout 10 scancel --full --quiet --user=root || true
    fi
    end_process slurmd
    end_process slurmctld
    end_process munged
    local file
    for file in $FILES; do
        if grep -qsF "$MARK" "$ETC/$file"; then
            rm -f "${ETC:?}/$file"
        fi
    done
    rm -rf "$STATE"
}

case "${1:-}" in
    start) start ;;
    stop)
        [ "$(id -u)" = 0 ] || cannot "only root can"
        stop
        ;;
    status) running ;;
    *)
        echo "usage: $0 start|stop|status" >&2
        exit 2
        ;;
esac
