import type { EnvironmentVariableWithSecretValue } from "../../models/environment.ts";
import { longestVariable } from "../textLimits.ts";
import { bytesOf } from "./limits.ts";
import { homeDirectoryOf, type NodePlace } from "./node.ts";
import type { Environment, VariableDefinition } from "./variables.ts";

/** Variables that every job and setup task gets from the options of the service. */
export interface ServiceVariables {
  /** Values by name. A job that sets such a variable itself keeps its own value. */
  readonly jobEnvironment: Readonly<Record<string, string>>;
  /** Whether each run has a `HOME` of its own in its scratch directory. */
  readonly privateHome: boolean;
}

/** Without options, the service adds no variables. */
export const noServiceVariables: ServiceVariables = { jobEnvironment: {}, privateHome: false };

/** Returns the variables that options of the service ask for. */
export function serviceVariablesOf({
  jobEnvironment = {},
  privateHome = false,
}: Partial<ServiceVariables>): ServiceVariables {
  return { jobEnvironment, privateHome };
}

/**
 * Checks the variables of the service's options.
 * @throws TypeError if a name or value cannot be used.
 */
export function checkServiceVariables({ jobEnvironment, privateHome }: ServiceVariables): void {
  for (const [name, value] of Object.entries(jobEnvironment)) {
    const problem = problemOf(name, value);
    if (problem !== undefined) throw new TypeError(`jobEnvironment: ${problem}`);
  }
  if (privateHome && Object.hasOwn(jobEnvironment, "HOME")) {
    throw new TypeError("jobEnvironment: HOME and privateHome exclude each other. Leave one of them out.");
  }
}

function problemOf(name: string, value: unknown): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `${JSON.stringify(name)} cannot be the name of a variable.`;
  if (/^(AZ_BATCHAI_|AZ_BATCH_|BATCHAI_)/.test(name)) return `${name} is set by the service. Choose another name.`;
  if (typeof value !== "string") return `the value of ${name} must be a string.`;
  if (value.includes("\0")) return `the value of ${name} contains a NUL character.`;
  if (bytesOf(name) + 1 + bytesOf(value) <= longestVariable) return undefined;
  return `${name} has more than ${String(longestVariable)} bytes together with its value.`;
}

/** Variables that every run has unless its node, the options of the service or the job set them. */
const builtIn: Readonly<Record<string, string>> = {
  /** Python shows what it prints at once, and not when it ends. */
  PYTHONUNBUFFERED: "1",
  /** Open MPI starts as many processes as it is asked for: several nodes share one machine. */
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  /** Open MPI does not bind the processes of every job to the same first cores. */
  OMPI_MCA_hwloc_base_binding_policy: "none",
  /** Open MPI runs although the service runs as root. */
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
};

/** Returns the variables of a run on a node, unless the job or setup task sets them itself. */
export function defaultsOf(
  { runId, nodeEnvironment = {}, serviceVariables = noServiceVariables }: DefaultsContext,
  node: NodePlace,
): Readonly<Record<string, string>> {
  const { jobEnvironment, privateHome } = serviceVariables;
  const missing = Object.entries(builtIn).filter(([name]) => !Object.hasOwn(nodeEnvironment, name));
  const defaults = { ...Object.fromEntries(missing), ...jobEnvironment };
  return privateHome ? { ...defaults, HOME: homeDirectoryOf(node, runId) } : defaults;
}

interface DefaultsContext {
  readonly runId: string;
  readonly nodeEnvironment?: Environment;
  readonly serviceVariables?: ServiceVariables;
}

/** Adds variables that a job or setup task does not set itself, also not as a secret. */
export function addDefaults(
  definitions: Map<string, VariableDefinition>,
  defaults: Environment,
  secrets: readonly EnvironmentVariableWithSecretValue[] = [],
): void {
  for (const [name, value] of Object.entries(defaults)) {
    const isSecret = secrets.some((secret) => secret.name === name);
    if (!definitions.has(name) && !isSecret) definitions.set(name, () => value);
  }
}
