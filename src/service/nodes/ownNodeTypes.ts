import { readFileSync } from "node:fs";
import { parseJsonFile } from "../../ground/jsonPosition.ts";
import { azureTypeOf, bytesPerGB, keyOf, type NodeType, NodeTypes } from "./nodeTypes.ts";
import { shown } from "./shown.ts";
import { slurmMembers, slurmTypeOf, type SlurmTypeOptions } from "./slurmTypes.ts";

/** A node type that the owner of the service adds or changes. What it leaves out is as in Azure's size of that name. */
export interface NodeTypeOptions extends SlurmTypeOptions {
  /** Number of GPUs of a node; at least 0. Default: that of Azure's size of this name, else 0. */
  readonly gpus?: number;
  /** Limit of cores; at least 1. Default: that of Azure's size of this name, else no limit. */
  readonly cores?: number;
  /** Limit of memory in GB of 1,073,741,824 bytes; at least 0.01. Default: that of Azure's size of this name, else no limit. */
  readonly memoryInGB?: number;
}

/** Node types by name, or the path of a JSON file that contains such an object. */
export type NodeTypesOption = string | Readonly<Record<string, NodeTypeOptions>>;

/**
 * Returns Azure's node types with those that the owner of the service adds or changes.
 * @throws Error that names the file, the type and the member if a value is not valid.
 */
export function openNodeTypes(option: NodeTypesOption = {}): NodeTypes {
  return typeof option === "string"
    ? new NodeTypes(checkedTypes(readTypes(option), option))
    : new NodeTypes(checkedTypes(option, "nodeTypes"));
}

function readTypes(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`Cannot read the node types: ${String(error instanceof Error ? error.message : error)}.`, {
      cause: error,
    });
  }
  return parseJsonFile(text, file);
}

function checkedTypes(types: unknown, source: string): Map<string, NodeType> {
  if (!isObject(types)) {
    throw new Error(`${source} must be an object with a member for each node type, got ${shown(types)}.`);
  }
  const checked = new Map<string, NodeType>();
  const names = new Map<string, string>();
  for (const [name, members] of Object.entries(types)) {
    const key = keyOf(name);
    const earlier = names.get(key);
    if (earlier !== undefined) {
      throw new Error(
        `${source}: the names ${shown(earlier)} and ${shown(name)} stand for the same node type: case and Standard_ do ` +
          "not count. Remove one of them.",
      );
    }
    names.set(key, name);
    checked.set(key, checkedType(name, members, `${source}: node type ${shown(name)}`));
  }
  return checked;
}

/** What the value of a member must be, and whether it is. */
interface Rule {
  readonly rule: string;
  readonly holds: (value: number) => boolean;
}

/** Docker accepts no limit of less than 6 MiB, and no job runs with less. */
const leastMemoryInGB = 0.01;

const ruleByMember: Readonly<Record<Exclude<keyof NodeTypeOptions, keyof SlurmTypeOptions>, Rule>> = {
  gpus: { rule: "an integer of at least 0", holds: (value) => Number.isSafeInteger(value) && value >= 0 },
  cores: { rule: "an integer of at least 1", holds: (value) => Number.isSafeInteger(value) && value >= 1 },
  memoryInGB: {
    rule: `a number of at least ${leastMemoryInGB}`,
    holds: (value) => Number.isFinite(value) && value >= leastMemoryInGB,
  },
};

const rules: ReadonlyMap<string, Rule> = new Map(Object.entries(ruleByMember));

function checkedType(name: string, members: unknown, place: string): NodeType {
  if (!isObject(members)) throw new Error(`${place} must be an object, got ${shown(members)}.`);
  const slurm = slurmTypeOf(members, place);
  const values: Record<string, number | undefined> = {};
  for (const [member, value] of Object.entries(members)) {
    if (slurmMembers.includes(member)) continue;
    const known = rules.get(member);
    if (known === undefined) {
      const names = [...rules.keys(), ...slurmMembers].join(", ");
      throw new Error(`${place} has the unknown member ${shown(member)}. Members are ${names}.`);
    }
    if (value === undefined) continue;
    if (typeof value !== "number" || !known.holds(value)) {
      throw new Error(`${place}: ${member} must be ${known.rule}, got ${shown(value)}.`);
    }
    values[member] = value;
  }
  const azure = azureTypeOf(name);
  const cores = values.cores ?? azure.cores;
  const memoryInBytes = values.memoryInGB === undefined ? azure.memoryInBytes : values.memoryInGB * bytesPerGB;
  return {
    gpus: values.gpus ?? azure.gpus,
    ...(cores === undefined ? {} : { cores }),
    ...(memoryInBytes === undefined ? {} : { memoryInBytes: Math.floor(memoryInBytes) }),
    ...(slurm === undefined ? {} : { slurm }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
