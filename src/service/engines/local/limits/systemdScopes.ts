import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LaunchLimits } from "../../engine.ts";
import { groupNameOf, type GroupWay, type LimitMachine } from "./groupWay.ts";
import { enterScope, printLimits } from "./limitScripts.ts";
import { ownGroup } from "./ownGroup.ts";
import { findProgram } from "../../../../ground/findProgram.ts";

const execute = promisify(execFile);
/** Time in which the manager must respond to the probe, in milliseconds. */
const probeLimitInMs = 5000;
const trialLimits = { memoryInBytes: 1024 ** 3, cores: 1 };

/**
 * Returns the way of systemd: a scope for each run, which the manager of the service's user creates, or that of the system
 * for root. It exists only with cgroup version 2. Tries it, because not every manager may limit everything.
 */
export async function systemdScopes(machine: LimitMachine): Promise<GroupWay | undefined> {
  const { proc, path, isRoot, managerFolder, bash } = machine;
  const mount = ownGroup(proc)?.mount;
  if (mount === undefined || !existsSync(join(managerFolder, "systemd/private"))) return undefined;
  const program = findProgram("systemd-run", path);
  if (program === undefined) return undefined;
  const variables: Record<string, string> = isRoot ? {} : { XDG_RUNTIME_DIR: managerFolder };
  // systemd-run itself sets the last one.
  const foreign = [...Object.keys(variables), "INVOCATION_ID"];
  try {
    const options = await optionsOf(program);
    const scope = (name: string, limits: LaunchLimits): string[] => [
      program,
      ...(isRoot ? [] : ["--user"]),
      ...["--scope", "--quiet", "--collect", "--no-ask-password", `--unit=${name}`],
      ...options,
      ...propertiesOf(limits),
      "--",
      bash,
      "-p",
      "-c",
    ];
    const [command = "", ...trial] = scope(groupNameOf(`probe-${process.pid}`), trialLimits);
    const { stdout } = await execute(command, [...trial, printLimits, "batchai-limits", mount], {
      env: { PATH: path, ...variables },
      timeout: probeLimitInMs,
    });
    const [memory, cores] = stdout.split("\n");
    const limitsMemory = memory === String(trialLimits.memoryInBytes);
    const limitsCores = /^(\d+) \1$/.test(cores ?? "");
    if (!limitsMemory && !limitsCores) return undefined;
    return {
      name: "a systemd scope",
      limitsMemory,
      limitsCores,
      parents: [],
      start(runId, { memoryInBytes, cores: limit }) {
        const limits = {
          ...(limitsMemory && memoryInBytes !== undefined ? { memoryInBytes } : {}),
          ...(limitsCores && limit !== undefined ? { cores: limit } : {}),
        };
        const words = [enterScope, "batchai-limits", mount, String(limits.memoryInBytes ?? "")];
        const prefix = [...scope(groupNameOf(runId), limits), ...words, ...foreign, "--"];
        return { groups: [], prefix, prefixVariables: variables };
      },
    };
  } catch {
    return undefined; // The manager does not respond, or may not create scopes.
  }
}

function propertiesOf({ memoryInBytes, cores }: LaunchLimits): string[] {
  return [
    ...(memoryInBytes === undefined ? [] : [`--property=MemoryMax=${memoryInBytes}`, "--property=MemorySwapMax=0"]),
    ...(cores === undefined ? [] : [`--property=CPUQuota=${Math.max(1, Math.round(cores * 100))}%`]),
  ];
}

/** Returns options that depend on the version of systemd. */
async function optionsOf(program: string): Promise<string[]> {
  const { stdout } = await execute(program, ["--version"], { timeout: probeLimitInMs });
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? 0);
  return [
    // The other processes of a run continue after one was killed for lack of memory.
    ...(version >= 253 ? ["--property=OOMPolicy=continue"] : []),
    // Commands contain `$`. Earlier versions leave it as it is.
    ...(version >= 254 ? ["--expand-environment=no"] : []),
  ];
}
