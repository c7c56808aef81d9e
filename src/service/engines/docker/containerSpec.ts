import { dirname } from "node:path";
import { isWithin } from "../../../ground/containment.ts";
import { imageDetails, StartError } from "../../startError.ts";
import type { LaunchGpu } from "../engine.ts";
import type { PlainPlan } from "../launchText.ts";
import { rareSupervision, runMarker, supervisorScript } from "../supervisor/supervisorScript.ts";
import { containerScript } from "./containerScript.ts";
import { runLabel, serviceLabel } from "./containers.ts";
import type { DaemonFacts, DaemonSecurity } from "./daemon.ts";

/**
 * Variable by which the runtime of NVIDIA decides which GPUs a container gets, where that runtime is the default. Many
 * images set it to all of them.
 */
export const visibleDevices = "NVIDIA_VISIBLE_DEVICES";

/** Everything by which the container of a run is described. */
export interface ContainerSpec {
  readonly plan: PlainPlan;
  /** Image with its registry and tag. */
  readonly image: string;
  /** ID of the service. */
  readonly serviceId: string;
  readonly facts: Pick<DaemonFacts, "isPodman">;
  readonly security: DaemonSecurity;
  /** User and group that own the output afterwards; undefined if they do so anyway. */
  readonly owner: string | undefined;
}

/**
 * Returns the body of the request that creates the container of a run.
 * @throws StartError if the plan has a size that cannot be read.
 */
export function createBodyOf(spec: ContainerSpec): object {
  const { plan, image, serviceId, facts, security, owner = "" } = spec;
  const limit = String(plan.limits?.memoryInBytes ?? "");
  const command = [plan.runDirectory, supervisorScript, rareSupervision, limit, owner, ...ownedFoldersOf(plan)];
  return {
    Image: image,
    User: "0",
    WorkingDir: "/",
    Entrypoint: ["bash", "-p", "-c", containerScript, "batchai-supervisor"],
    Cmd: command,
    Env: [`${runMarker}=${plan.runId}`, `${visibleDevices}=${visibleDevicesOf(gpusOf(plan), facts)}`],
    Labels: { [serviceLabel]: serviceId, [runLabel]: plan.runId },
    // Checks of the image would run beside the job.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: "host",
      // containers.conf may give containers the processes of the machine, and a stop signals all processes.
      ...(facts.isPodman ? { PidMode: "private" } : {}),
      Mounts: foldersFor(plan).map((path) => ({ Type: "bind", Source: path, Target: path })),
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "none" },
      ...(security.mapsUsers ? { UsernsMode: "host" } : {}),
      ...(security.hasSELinux ? { SecurityOpt: ["label=disable"] } : {}),
      ...sharedMemoryOf(plan),
      ...limitsOf(plan),
      ...devicesOf(gpusOf(plan), facts),
    },
  };
}

/** Returns the folders that a container must see, at the same paths. A folder in another one needs no mount of its own. */
export function foldersFor(plan: PlainPlan): string[] {
  const { runDirectory, scratchRoots, nodes, mounts, directories, files, preparation, processes } = plan;
  const paths = [
    runDirectory,
    ...scratchRoots,
    ...nodes.map(({ tempDirectory }) => dirname(tempDirectory)),
    ...mounts.map(({ source }) => source),
    ...mounts.map(({ target }) => dirname(target)),
    ...directories,
    ...[...files.map(({ path }) => path), ...nodes.map(({ executionLog }) => executionLog)].map(dirname),
    ...[...preparation, ...processes].flatMap(({ stdout, stderr }) => [dirname(stdout), dirname(stderr)]),
  ];
  return outermost(paths);
}

/** Returns the folders in which files of root are handed over: real mounts have owners of their own. */
function ownedFoldersOf(plan: PlainPlan): string[] {
  const mounted = plan.mounts.filter(({ isMount }) => isMount).map(({ source }) => source);
  return foldersFor(plan).filter((path) => !mounted.includes(path));
}

function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && isWithin(other, path)));
}

/** All GPUs of a run, in the order of the machine. */
export function gpusOf({ nodes }: Pick<PlainPlan, "nodes">): LaunchGpu[] {
  const gpus = new Map(nodes.flatMap((node) => node.gpus).map((gpu) => [gpu.uuid, gpu]));
  return [...gpus.values()].sort((a, b) => a.index - b.index);
}

/** The container toolkit of NVIDIA takes UUIDs; podman finds GPUs by their names in CDI. AMD has no such toolkit. */
function devicesOf(gpus: readonly LaunchGpu[], { isPodman }: ContainerSpec["facts"]): object {
  if (gpus.length === 0) return {};
  if (gpus.some(({ vendor }) => vendor === "amd")) {
    const devices = ["/dev/kfd", "/dev/dri"];
    return {
      Devices: devices.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" })),
    };
  }
  const uuids = gpus.map(({ uuid }) => uuid);
  if (isPodman) {
    return { DeviceRequests: [{ Driver: "cdi", DeviceIDs: uuids.map((uuid) => `nvidia.com/gpu=${uuid}`) }] };
  }
  return { DeviceRequests: [{ Driver: "", DeviceIDs: uuids, Capabilities: [["gpu"]] }] };
}

/** Docker sets the same value for its device requests. With CDI, the runtime must not add GPUs of its own. */
function visibleDevicesOf(gpus: readonly LaunchGpu[], { isPodman }: ContainerSpec["facts"]): string {
  const uuids = gpus.filter(({ vendor }) => vendor !== "amd").map(({ uuid }) => uuid);
  return isPodman || uuids.length === 0 ? "void" : uuids.join(",");
}

function limitsOf({ limits = {} }: PlainPlan): object {
  const { cores, memoryInBytes } = limits;
  return {
    ...(cores === undefined ? {} : { NanoCpus: Math.round(cores * 1e9) }),
    // Without swap: a job that needs more ends, instead of slowing everything down.
    ...(memoryInBytes === undefined ? {} : { Memory: memoryInBytes, MemorySwap: memoryInBytes }),
  };
}

function sharedMemoryOf({ container }: PlainPlan): object {
  const { image = "", shmSize } = container ?? {};
  if (shmSize === undefined) return {};
  const bytes = bytesIn(shmSize);
  if (bytes !== undefined) return { ShmSize: bytes };
  throw new StartError(
    "FailedStartingContainer",
    `${JSON.stringify(shmSize)} is not a size. Use a size such as 16gb.`,
    {
      target: "properties.containerSettings.shmSize",
      details: imageDetails({ image }),
    },
  );
}

/** Returns the number of bytes of a size in Docker's syntax, such as `64m` or `1.5gb`; undefined if it is none. */
export function bytesIn(size: string): number | undefined {
  const [, number, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgtp])i?)?b?\s*$/i.exec(size) ?? [];
  if (number === undefined) return undefined;
  const bytes = Math.floor(Number(number) * 1024 ** " kmgtp".indexOf(unit.toLowerCase() || " "));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}
