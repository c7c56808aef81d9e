import { join } from "node:path";

/** Names of the nodes of the test cluster. */
export const slurmNodeNames = ["n1", "n2", "n3", "n4"] as const;
export type SlurmNodeName = (typeof slurmNodeNames)[number];

/** Name of the host that the controller runs on. */
export const controllerName = "ctl";

/** Addresses of the hosts, on this machine. */
export type SlurmAddresses = Readonly<Record<SlurmNodeName | typeof controllerName, string>>;

/**
 * Returns addresses that nothing else on this machine uses: the whole network 127.0.0.0/8 belongs to this machine, so
 * each Slurm takes a part of it at random, and needs no free ports.
 */
export function drawAddresses(): SlurmAddresses {
  const byte = (): number => 1 + Math.floor(Math.random() * 250);
  const network = `127.${byte()}.${byte()}`;
  return { n1: `${network}.1`, n2: `${network}.2`, n3: `${network}.3`, n4: `${network}.4`, ctl: `${network}.250` };
}

/**
 * Returns slurm.conf. The nodes have eight cores each, whatever this machine has. `main` has all nodes; jobs of `urgent`
 * preempt those of `main`; `gpu` has the nodes with two GPUs each; `short` limits jobs to a minute; `closed` is down.
 */
export function slurmConf(folder: string, addresses: SlurmAddresses): string {
  const nodes = slurmNodeNames.map((name) => {
    const gpus = name === "n1" || name === "n2" ? " Gres=gpu:test:2" : "";
    return `NodeName=${name} NodeAddr=${addresses[name]} CPUs=8 RealMemory=64000 TmpDisk=1000${gpus} State=UNKNOWN`;
  });
  return [
    "ClusterName=batchai-test",
    `SlurmctldHost=${controllerName}(${addresses.ctl})`,
    "SlurmctldPort=6817",
    "SlurmdPort=6818",
    "SlurmUser=root",
    "SlurmdUser=root",
    "AuthType=auth/munge",
    `AuthInfo=socket=${join(folder, "munge", "socket")}`,
    "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
    `StateSaveLocation=${join(folder, "state")}`,
    `SlurmdSpoolDir=${join(folder, "spool-%n")}`,
    `SlurmctldPidFile=${join(folder, "slurmctld.pid")}`,
    `SlurmdPidFile=${join(folder, "slurmd-%n.pid")}`,
    `SlurmctldLogFile=${join(folder, "slurmctld.log")}`,
    `SlurmdLogFile=${join(folder, "slurmd-%n.log")}`,
    "SlurmctldDebug=verbose",
    "SlurmdDebug=verbose",
    "ProctrackType=proctrack/linuxproc",
    "TaskPlugin=task/none",
    "MpiDefault=none",
    "SwitchType=switch/none",
    "AccountingStorageType=accounting_storage/none",
    "JobAcctGatherType=jobacct_gather/none",
    "SelectType=select/cons_tres",
    "SelectTypeParameters=CR_CPU_Memory",
    "DefMemPerNode=1000",
    "GresTypes=gpu",
    "PriorityType=priority/basic",
    "PreemptType=preempt/partition_prio",
    "PreemptMode=CANCEL",
    "SchedulerType=sched/backfill",
    "SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1,nohold_on_prolog_fail",
    "SlurmdParameters=config_overrides",
    "ReturnToService=2",
    "FirstJobId=100",
    "MaxJobCount=20000",
    "MinJobAge=60",
    "KillWait=5",
    "InactiveLimit=0",
    "CompleteWait=0",
    // Short enough for tests of failed nodes, long enough for a machine with other work.
    "SlurmdTimeout=20",
    "SlurmctldTimeout=30",
    ...nodes,
    "PartitionName=main Nodes=n[1-4] Default=YES MaxTime=INFINITE PriorityTier=1",
    "PartitionName=urgent Nodes=n[1-4] MaxTime=INFINITE PriorityTier=10",
    "PartitionName=gpu Nodes=n[1-2] MaxTime=INFINITE PriorityTier=1",
    "PartitionName=short Nodes=n[1-4] MaxTime=1 PriorityTier=1",
    "PartitionName=closed Nodes=n[1-4] MaxTime=INFINITE PriorityTier=1 State=DOWN",
    "",
  ].join("\n");
}

/** Returns gres.conf. The files stand in for GPUs, and jobs get CUDA_VISIBLE_DEVICES as on a real node. */
export function gresConf(folder: string): string {
  return `NodeName=n[1-2] Name=gpu Type=test File=${join(folder, "gpu[0-1]")}\n`;
}

/** Returns the hosts that every process of the cluster knows. */
export function hostsFile(addresses: SlurmAddresses): string {
  const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}`);
  return ["127.0.0.1 localhost", ...lines, ""].join("\n");
}
