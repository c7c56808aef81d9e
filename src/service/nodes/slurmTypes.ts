import { durationInMs } from "../duration.ts";
import type { LaunchAllocation } from "../engines/engine.ts";
import { shown } from "./shown.ts";

/** Members of a node type that say what its nodes are in Slurm. */
export interface SlurmTypeOptions {
  /** Engine of the nodes: `slurm`. Default: they are on the machine of the service. */
  readonly engine?: "slurm";
  /** Partition; `sbatch --partition`. Default: that of the site. Like all texts below: letters, digits and `_./:=,@+-`. */
  readonly partition?: string;
  /** Account that is charged; `sbatch --account`. Default: that of the user. */
  readonly account?: string;
  /** Quality of service; `sbatch --qos`. Default: that of the user. */
  readonly qos?: string;
  /** Features that the nodes must have; `sbatch --constraint`. Default: none. */
  readonly constraint?: string;
  /** Type of the GPUs, as Slurm names it. Default: any. */
  readonly gpuType?: string;
  /** Further options of `sbatch`, each as `--name` or `--name=value`. Default: none. */
  readonly extraOptions?: readonly string[];
  /** Absolute path of a folder on the local disk of each node, for scratch directories. Default: they are in the shared folder. */
  readonly scratchDir?: string;
  /** Longest time of a job, as an ISO 8601 duration such as `P2D`. Default: that of the partition. */
  readonly maxWallClockTime?: string;
}

/** What the nodes of a type are in Slurm. */
export interface SlurmNodeType extends Pick<
  LaunchAllocation,
  "partition" | "account" | "qos" | "constraint" | "gpuType" | "extraOptions" | "scratchDirectory"
> {
  readonly maxWallClockTimeInSeconds?: number;
}

/** A rule for the value of a member. */
interface Rule {
  readonly rule: string;
  /** Returns what a value stands for; undefined if it is not valid. */
  readonly read: (value: unknown) => Partial<SlurmNodeType> | undefined;
}

const safeText = /^[A-Za-z0-9_./:=,@+-]+$/;

function textRule(member: "partition" | "account" | "qos" | "constraint" | "gpuType"): Rule {
  return {
    rule: "a text of letters, digits and _./:=,@+- that does not begin with -",
    read: (value) => (isSafeText(value) && !value.startsWith("-") ? { [member]: value } : undefined),
  };
}

const ruleByMember: Readonly<Record<Exclude<keyof SlurmTypeOptions, "engine" | "extraOptions">, Rule>> = {
  partition: textRule("partition"),
  account: textRule("account"),
  qos: textRule("qos"),
  constraint: textRule("constraint"),
  gpuType: textRule("gpuType"),
  scratchDir: {
    rule: "an absolute path of letters, digits and _./:=,@+- other than /, without . and .. as names",
    read: (value) => (isFolder(value) ? { scratchDirectory: value.replace(/\/+$/, "") } : undefined),
  },
  maxWallClockTime: {
    rule: "an ISO 8601 duration of at least a second, such as P2D",
    read: (value) => {
      const seconds = secondsOf(value);
      return seconds >= 1 ? { maxWallClockTimeInSeconds: Math.floor(seconds) } : undefined;
    },
  },
};

const rules: ReadonlyMap<string, Rule> = new Map(Object.entries(ruleByMember));

/** Names of the members that say what a node type is in Slurm. */
export const slurmMembers: readonly string[] = ["engine", ...rules.keys(), "extraOptions"];

/** Options of `sbatch` for which node types have members. */
const memberByOption: Readonly<Record<string, string>> = {
  ...{ partition: "partition", account: "account", qos: "qos", constraint: "constraint", time: "maxWallClockTime" },
  ...{ gres: "gpus and gpuType", gpus: "gpus and gpuType", "gpus-per-node": "gpus and gpuType" },
  ...{ "gpus-per-task": "gpus and gpuType", "gpus-per-socket": "gpus and gpuType" },
  ...{ "cpus-per-task": "cores", "cpus-per-gpu": "cores" },
  ...{ mem: "memoryInGB", "mem-per-cpu": "memoryInGB", "mem-per-gpu": "memoryInGB" },
};

/** Options of `sbatch` that change what the service runs, when it runs, or how the service finds it again. */
const optionsOfService: readonly string[] = [
  ...["array", "begin", "chdir", "clusters", "container", "container-id", "deadline", "dependency", "error", "export"],
  ...["export-file", "get-user-env", "gid", "help", "hold", "input", "job-name", "kill-on-invalid-dep", "nice"],
  ...["no-kill", "no-requeue", "nodes", "ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node"],
  ...["ntasks-per-socket", "open-mode", "output", "parsable", "requeue", "signal", "test-only", "time-min", "uid"],
  ...["usage", "version", "wait", "wait-all-nodes", "workdir", "wrap"],
];

/**
 * Returns what a node type is in Slurm; undefined if its nodes are on the machine of the service.
 * @param place - The node type in error messages.
 * @throws Error that names the member whose value is not valid.
 */
export function slurmTypeOf(members: Readonly<Record<string, unknown>>, place: string): SlurmNodeType | undefined {
  const given = Object.entries(members).filter(([name, value]) => slurmMembers.includes(name) && value !== undefined);
  if (given.length === 0) return undefined;
  const { engine } = members;
  if (engine === undefined) throw new Error(`${place}: ${given[0]?.[0] ?? ""} needs the member "engine": "slurm".`);
  if (engine !== "slurm") throw new Error(`${place}: engine must be "slurm" or left out, got ${shown(engine)}.`);
  const parts = given.flatMap(([name, value]): Partial<SlurmNodeType>[] => {
    if (name === "extraOptions") return [{ extraOptions: checkedOptions(value, `${place}: extraOptions`) }];
    const rule = rules.get(name);
    if (rule === undefined) return [];
    const read = rule.read(value);
    if (read === undefined) throw new Error(`${place}: ${name} must be ${rule.rule}, got ${shown(value)}.`);
    return [read];
  });
  return Object.assign({}, ...parts) as SlurmNodeType;
}

function checkedOptions(value: unknown, place: string): readonly string[] {
  if (!Array.isArray(value)) {
    throw new Error(`${place} must be a list of options of sbatch, such as "--exclusive", got ${shown(value)}.`);
  }
  return value.map((option: unknown, index) => checkedOption(option, `${place}[${String(index)}]`));
}

function checkedOption(option: unknown, place: string): string {
  const [, name] = typeof option === "string" ? (/^--([a-z][a-z0-9-]*)(?:=(.*))?$/s.exec(option) ?? []) : [];
  if (!isSafeText(option) || name === undefined || option.endsWith("=")) {
    const rule = "an option of sbatch as --name or --name=value, of letters, digits and _./:=,@+-";
    throw new Error(`${place} must be ${rule}, got ${shown(option)}.`);
  }
  // sbatch also accepts the beginning of a name.
  const isMeant = (known: string): boolean => known.startsWith(name);
  const withMember = Object.keys(memberByOption).find(isMeant);
  if (withMember !== undefined) {
    throw new Error(`${place}: use ${memberByOption[withMember] ?? ""} of the node type instead of --${withMember}.`);
  }
  const ofService = optionsOfService.find(isMeant);
  if (ofService !== undefined) throw new Error(`${place}: the service itself decides --${ofService}. Leave it out.`);
  return option;
}

function isSafeText(value: unknown): value is string {
  return typeof value === "string" && safeText.test(value);
}

function isFolder(value: unknown): value is string {
  if (!isSafeText(value) || !value.startsWith("/")) return false;
  const names = value.split("/").filter((name) => name !== "");
  return names.length > 0 && !names.includes(".") && !names.includes("..");
}

function secondsOf(duration: unknown): number {
  if (typeof duration !== "string") return 0;
  try {
    return durationInMs(duration) / 1000;
  } catch {
    return 0;
  }
}
