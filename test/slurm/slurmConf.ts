import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

/** Names of the nodes of the test cluster. */
export const slurmNodeNames = ["n1", "n2", "n3", "n4"] as const;
export type SlurmNodeName = (typeof slurmNodeNames)[number];

/** Name of the host that the controller runs on. */
export const controllerName = "ctl";

/**
 * Address of all hosts. Each could have an address of its own, but then steps would fail: a daemon sees that `srun` calls
 * from 127.0.0.1, whatever its host is, and connects to it there.
 */
export const slurmAddress = "127.0.0.1";

/** Ports of the daemons. */
export type SlurmPorts = Readonly<Record<SlurmNodeName | typeof controllerName, number>>;

/**
 * Returns ports for the daemons, below those that the kernel gives away: they must still be free when a daemon starts
 * again.
 */
export async function drawPorts(): Promise<SlurmPorts> {
  for (;;) {
    const first = 20_000 + 5 * Math.floor(Math.random() * 2_400);
    const [ctl, n1, n2, n3, n4] = [first, first + 1, first + 2, first + 3, first + 4] as const;
    const areFree = await Promise.all([ctl, n1, n2, n3, n4].map((port) => isFree(port)));
    if (!areFree.includes(false)) return { ctl, n1, n2, n3, n4 };
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, slurmAddress), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/**
 * Returns slurm.conf. The nodes have eight cores each, whatever this machine has. `main` has all nodes; jobs of `urgent`
 * preempt those of `main`; `gpu` has the nodes with two GPUs each; `short` limits jobs to a minute; `closed` is down.
 */
export function slurmConf(folder: string, ports: SlurmPorts): string {
  const nodes = slurmNodeNames.map((name) => {
    const gpus = name === "n1" || name === "n2" ? " Gres=gpu:test:2" : "";
    return `NodeName=${name} NodeAddr=${slurmAddress} Port=${ports[name]} CPUs=8 RealMemory=64000 TmpDisk=1000${gpus} State=UNKNOWN`;
  });
  return [
    "ClusterName=batchai-test",
    `SlurmctldHost=${controllerName}(${slurmAddress})`,
    `SlurmctldPort=${ports.ctl}`,
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

/** Hosts that every process of the cluster knows. */
export const slurmHosts = ["localhost", controllerName, ...slurmNodeNames]
  .map((name) => `${slurmAddress} ${name}\n`)
  .join("");
