import type { EnvironmentVariableWithSecretValue } from "../../models/environment.ts";
import type { GpuMaker, LaunchText } from "../engines/engine.ts";
import { StartError } from "../startError.ts";
import type { NodePlace } from "./node.ts";
import type { Environment, VariableDefinition } from "./variables.ts";

/** The GPUs of a run and of its machine. */
export interface GpuContext {
  /** All nodes of the run. */
  readonly nodes: readonly NodePlace[];
  /**
   * Makers whose GPUs the run sees only if it has them. Default: none; then the run gets none of the variables by which
   * programs find GPUs, because there is nothing to hide.
   */
  readonly hiddenMakers?: readonly GpuMaker[];
  /** Whether the run is in a container, which has only the GPUs of the run and numbers them anew. Default: false. */
  readonly inContainer?: boolean;
}

const cudaOrder = "CUDA_DEVICE_ORDER";
const ofNvidia = "CUDA_VISIBLE_DEVICES";
const variables: Readonly<Record<GpuMaker, string>> = { nvidia: ofNvidia, amd: "ROCR_VISIBLE_DEVICES" };

/**
 * Adds the variables by which programs find the GPUs of a run on a node, and no others. A job may choose among the GPUs of
 * its nodes: its own value means positions on the node, as on a virtual machine of Azure that has only these GPUs.
 * @param property - The job or setup task by its path in the request body, for error messages.
 * @throws StartError if the value of the job is not a list of positions.
 */
export function addGpuVariables(
  definitions: Map<string, VariableDefinition>,
  context: GpuContext,
  node: NodePlace,
  { property, secrets = [] }: { property: string; secrets?: readonly EnvironmentVariableWithSecretValue[] | undefined },
): void {
  for (const variable of variablesOf(context)) {
    if (secrets.some(({ name }) => name === variable)) throw asSecret(variable, property);
    const own = definitions.get(variable);
    const names = namesOfGpus(context, node);
    definitions.set(variable, (lookup) => {
      const chosen = own === undefined ? names : chosenOf(names, own(lookup), variable, property);
      return chosen.join(",");
    });
  }
  // Without this order, CUDA counts the fastest GPU first.
  if (variablesOf(context).includes(ofNvidia)) definitions.set(cudaOrder, () => "PCI_BUS_ID");
}

/**
 * Returns the variables of a process that may work on all nodes of the run, such as `mpirun`: it sees the GPUs of all nodes
 * that share its machine, those of the first node first.
 * @param views - All nodes of the run, with their variables.
 */
export function gpuVariablesOfAllNodes(
  context: GpuContext,
  node: NodePlace,
  views: readonly (NodePlace & { readonly environment: Environment })[],
): Record<string, LaunchText> {
  const isNear = ({ address, nodeId }: NodePlace): boolean =>
    nodeId === node.nodeId || (address !== undefined && address === node.address);
  const near = views.filter(isNear);
  return Object.fromEntries(
    variablesOf(context).map((variable) => {
      const lists = near.flatMap(({ environment: { [variable]: list } }) => (typeof list === "string" ? list : []));
      return [variable, lists.filter((list) => list !== "").join(",")];
    }),
  );
}

function variablesOf({ hiddenMakers = [] }: GpuContext): string[] {
  return hiddenMakers.map((maker) => variables[maker]);
}

/**
 * Returns the names of the GPUs of a node for programs: numbers, because frameworks stumble over UUIDs. Parts of a GPU have
 * no numbers. A container has all GPUs of AMD, and so their numbers on the machine.
 */
function namesOfGpus({ nodes, inContainer = false }: GpuContext, node: NodePlace): string[] {
  const ofRun = nodes.flatMap(({ gpus }) => gpus).sort((a, b) => a.index - b.index);
  if (ofRun.some(({ isPart }) => isPart)) return node.gpus.map(({ uuid }) => uuid);
  const isNumberedAnew = inContainer && ofRun.every(({ vendor }) => vendor === undefined);
  if (!isNumberedAnew) return node.gpus.map(({ index }) => String(index));
  return node.gpus.map(({ uuid }) => String(ofRun.findIndex((gpu) => gpu.uuid === uuid)));
}

/** Like CUDA, ignores everything from the first position on that does not exist. */
function chosenOf(names: readonly string[], own: LaunchText, variable: string, property: string): string[] {
  if (typeof own !== "string" || !/^\s*(-?\d+\s*(,\s*-?\d+\s*)*)?$/.test(own)) throw notPositions(variable, property);
  const positions = own.trim() === "" ? [] : own.split(",").map(Number);
  const end = positions.findIndex((position) => names[position] === undefined);
  return positions.slice(0, end === -1 ? undefined : end).map((position) => names[position] ?? "");
}

function notPositions(variable: string, property: string): StartError {
  const reason =
    `the value of ${variable} must be a list of positions among the GPUs of a node, such as 0,1, because the service ` +
    "decides which GPUs of the machine the job gets. Leave the variable out to use all GPUs of the node.";
  return new StartError("InvalidEnvironmentVariable", reason, { target: `${property}.environmentVariables` });
}

function asSecret(variable: string, property: string): StartError {
  const reason = `${variable} cannot be a secret, because the service must read it. Make it an environment variable.`;
  return new StartError("InvalidEnvironmentVariable", reason, { target: `${property}.secrets` });
}
