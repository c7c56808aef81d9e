import { join } from "node:path/posix";
import type { LaunchGpu, LaunchMount, LaunchNode, LaunchProcess, LaunchText } from "../engines/engine.ts";
import type { ToolkitProcess } from "../toolkits/toolkit.ts";
import type { Environment } from "./variables.ts";

/** A node as the scheduler knows it. */
export interface NodePlace {
  readonly nodeId: string;
  /** Address at which the other nodes reach it. Absent if only the start of the run decides it. */
  readonly address?: string | undefined;
  readonly gpus: readonly LaunchGpu[];
  /** Absolute folder on this node below which every run gets its scratch directory. */
  readonly tempRoot: string;
}

/** Everything about one node that the plan of a run is made from. */
export interface NodeView extends NodePlace {
  /** Scratch directory of the run on this node. */
  readonly tempDirectory: string;
  /** All variables of the run as seen on this node. */
  readonly environment: Environment;
  /** Folder of the run's standard output, standard error and execution log. */
  readonly outputDirectory: string;
}

/** Returns the name of a node in lists of hosts; a segment if only the start of the run decides it. */
export function hostNameOf(nodes: readonly NodePlace[], position: number): LaunchText {
  return nodes[position]?.address ?? [{ hostName: position }];
}

/** Returns the scratch directory of a run on a node. Short, because sockets in it have at most 107 characters. */
export function tempDirectoryOf(node: NodePlace, runId: string): string {
  return join(node.tempRoot, runId.slice(0, 8));
}

/** Returns the private `HOME` of a run on a node: it is kept from preparation to job, and wiped with the scratch directory. */
export function homeDirectoryOf(node: NodePlace, runId: string): string {
  return join(tempDirectoryOf(node, runId), "home");
}

/** Returns a mount of a launch plan: what engines need to know about a volume. */
export function launchMount({ source, target, isMount }: LaunchMount): LaunchMount {
  return { source, target, ...(isMount && { isMount }) };
}

/** Returns a node of a launch plan. */
export function launchNode(view: NodeView, logName: string): LaunchNode {
  const { nodeId, address, gpus, tempDirectory, outputDirectory } = view;
  const executionLog = join(outputDirectory, logName);
  return { nodeId, ...(address === undefined ? {} : { address }), gpus, tempDirectory, executionLog };
}

/** Properties that distinguish a process from the others of its run. */
export type ProcessDescription = Omit<ToolkitProcess, "node">;

/** A process on a node; it carries only those variables that differ from the ones which the whole plan has. */
export function processOn(view: NodeView, common: Environment, process: ProcessDescription): LaunchProcess {
  const ofNode = Object.entries(view.environment).filter(([name, value]) => !isSameText(common[name], value));
  return {
    name: process.name,
    ...(process.isServer ? { isServer: true } : {}),
    nodeId: view.nodeId,
    commandLine: process.commandLine,
    environment: { ...Object.fromEntries(ofNode), ...process.environment },
    stdout: join(view.outputDirectory, `stdout${process.outputSuffix}.txt`),
    stderr: join(view.outputDirectory, `stderr${process.outputSuffix}.txt`),
  };
}

function isSameText(a: LaunchText | undefined, b: LaunchText): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
